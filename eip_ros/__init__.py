"""What every node shares and needs rclpy for; imports nothing else of EIP."""

import os

# A killed process leaves ports in shared memory behind that swallow what is sent to its successor:
# a gate started anew would hear no permit. Loopback is quick enough for what EIP's nodes say.
os.environ.setdefault('FASTDDS_BUILTIN_TRANSPORTS', 'UDPv4')
