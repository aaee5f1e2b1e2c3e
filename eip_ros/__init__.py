"""What every node shares and needs rclpy for; imports nothing else of EIP."""
