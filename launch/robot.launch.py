"""One robot: `ros2 launch eip robot.launch.py`; `--show-args` lists what can be set."""

from launch import LaunchDescription

from eip_bringup.launch_arguments import ROBOT, robot_processes
from eip_bringup.launch_description import describe


def generate_launch_description() -> LaunchDescription:
    return describe(ROBOT, robot_processes)
