"""A serial port, raw and without waiting, by the standard library alone."""

from __future__ import annotations

import fcntl
import os
import struct
import termios
import tty

from eip_safety_monitor.stop_inputs.config import SerialSignal

__all__ = ['SerialPort']

MOST_BYTES = 4096
LINES = {SerialSignal.CTS: termios.TIOCM_CTS, SerialSignal.DSR: termios.TIOCM_DSR}
CONTROL = 2
INPUT_SPEED, OUTPUT_SPEED, CHARACTERS = 4, 5, 6


class SerialPort:
    """An open port, held by one process alone, RTS and DTR on; everything may raise OSError."""

    def __init__(self, device: str, baud: int) -> None:
        speed = getattr(termios, f'B{baud}', None)
        if speed is None:
            raise OSError(f'{baud} baud is no speed of a serial line')
        self._file = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            self._set_up(speed)
        except termios.error as error:
            os.close(self._file)
            raise OSError(f'{device} is no serial line: {error.args[-1]}') from None
        except OSError:
            os.close(self._file)
            raise

    def read(self) -> bytes:
        """Return what has come; raises OSError when the other end is gone."""
        try:
            found = os.read(self._file, MOST_BYTES)
        except BlockingIOError:
            return b''
        if not found:
            raise OSError('the other end hung up')
        return found

    def is_on(self, signal: SerialSignal) -> bool:
        """Tell whether CTS or DSR is on."""
        answer = fcntl.ioctl(self._file, termios.TIOCMGET, struct.pack('I', 0))
        return bool(struct.unpack('I', answer)[0] & LINES[signal])

    def close(self) -> None:
        """Close the port."""
        os.close(self._file)

    def _set_up(self, speed: int) -> None:
        fcntl.ioctl(self._file, termios.TIOCEXCL)
        tty.setraw(self._file, termios.TCSANOW)
        settings = termios.tcgetattr(self._file)
        settings[CONTROL] |= termios.CLOCAL | termios.CREAD
        settings[CONTROL] &= ~termios.CRTSCTS
        settings[INPUT_SPEED] = settings[OUTPUT_SPEED] = speed
        # One byte at the least: then no byte is told from a hung-up line.
        settings[CHARACTERS][termios.VMIN], settings[CHARACTERS][termios.VTIME] = 1, 0
        termios.tcsetattr(self._file, termios.TCSANOW, settings)
        termios.tcflush(self._file, termios.TCIFLUSH)
