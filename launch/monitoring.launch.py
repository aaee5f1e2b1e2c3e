"""The performance monitor alone, beside a robot whose other processes run elsewhere."""

from launch import LaunchDescription

from eip_bringup.launch_arguments import MONITORING, monitoring_processes
from eip_bringup.launch_description import describe


def generate_launch_description() -> LaunchDescription:
    return describe(MONITORING, monitoring_processes)
