"""What every node shares and needs rclpy for; imports nothing else of EIP."""

from eip_ros.transport import choose_transport

choose_transport()
