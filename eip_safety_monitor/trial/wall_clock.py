"""The wall clock of chosen processes, set forward or back while they run.

Nobody can set the time of the host for a test, and Linux has no namespace for the wall clock. So a
small library that is loaded ahead of libc adds an offset to CLOCK_REALTIME, which every library in
the process then gets; the monotonic clock is untouched, as on a real step. A wait that is under
way at the step keeps its length.
"""

from __future__ import annotations

import mmap
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

__all__ = ['WallClock', 'why_no_wall_clock']

VARIABLE = 'EIP_TRIAL_CLOCK'
SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *offset_ns;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("EIP_TRIAL_CLOCK");
  int file = path ? open(path, O_RDONLY) : -1;
  if (file < 0) return;
  void *page = mmap(NULL, 8, PROT_READ, MAP_SHARED, file, 0);
  if (page != MAP_FAILED) offset_ns = page;
  close(file);
}

static void shift(struct timespec *t, int sign) {
  int64_t ns = t->tv_nsec + (offset_ns ? sign * *offset_ns : 0);
  int64_t s = ns / 1000000000;
  ns -= s * 1000000000;
  if (ns < 0) { ns += 1000000000; s -= 1; }
  t->tv_sec += s;
  t->tv_nsec = ns;
}

int clock_gettime(clockid_t id, struct timespec *t) {
  long result = syscall(SYS_clock_gettime, id, t);
  if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) shift(t, 1);
  return (int)result;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  t->tv_sec = now.tv_sec;
  t->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *t) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (t) *t = now.tv_sec;
  return now.tv_sec;
}

/* A deadline by the shifted wall clock, back to what the kernel counts by. */
static const struct timespec *real(const struct timespec *until, struct timespec *copy) {
  if (!until || until->tv_sec < 1000000000) return until;
  *copy = *until;
  shift(copy, -1);
  return copy;
}

static void *next(const char *name) {
  void *found = dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2");
  return found ? found : dlsym(RTLD_NEXT, name);
}

int pthread_cond_timedwait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m,
                           const struct timespec *restrict until) {
  static int (*call)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
  struct timespec copy;
  if (!call) call = next("pthread_cond_timedwait");
  return call(c, m, real(until, &copy));
}

int pthread_mutex_timedlock(pthread_mutex_t *restrict m, const struct timespec *restrict until) {
  static int (*call)(pthread_mutex_t *, const struct timespec *);
  struct timespec copy;
  if (!call) call = dlsym(RTLD_NEXT, "pthread_mutex_timedlock");
  return call(m, real(until, &copy));
}

int sem_timedwait(sem_t *restrict s, const struct timespec *restrict until) {
  static int (*call)(sem_t *, const struct timespec *);
  struct timespec copy;
  if (!call) call = dlsym(RTLD_NEXT, "sem_timedwait");
  return call(s, real(until, &copy));
}
"""


def why_no_wall_clock() -> str:
    """Return why the wall clock of a process cannot be set here; empty when it can."""
    return '' if _compiler() else 'no C compiler (cc, gcc or clang) is installed'


class WallClock:
    """Sets the wall clock of every process that was started with `environment`.

    A clock made again in the same `folder` is the same one: its files are mapped by processes that
    would not survive their replacement.
    """

    def __init__(self, folder: Path) -> None:
        self._library = folder / 'wall_clock.so'
        self._file = folder / 'wall_clock.offset'
        if self._library.exists():
            self.set(0.0)
            return
        self._file.write_bytes(bytes(8))
        source = folder / 'wall_clock.c'
        source.write_text(SOURCE)
        compiler = _compiler()
        if compiler is None:
            raise OSError(why_no_wall_clock())
        subprocess.run(
            [compiler, '-shared', '-fPIC', '-O2', '-o', self._library, source, '-ldl'],
            check=True,
            capture_output=True,
            timeout=60,
        )

    @property
    def environment(self) -> Mapping[str, str]:
        """Return what a process needs to follow this clock."""
        before = os.environ.get('LD_PRELOAD', '')
        return {'LD_PRELOAD': f'{self._library} {before}'.strip(), VARIABLE: str(self._file)}

    def set(self, offset_s: float) -> None:
        """Let the wall clock run so far ahead of the true one, or behind it, from now on."""
        with self._file.open('r+b') as file, mmap.mmap(file.fileno(), 8) as page:
            page[:] = int(offset_s * 1e9).to_bytes(8, 'little', signed=True)


def _compiler() -> str | None:
    return next((path for name in ('cc', 'gcc', 'clang') if (path := shutil.which(name))), None)
