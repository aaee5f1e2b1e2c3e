"""One robot with a simulated body in a kitchen; talk to it with `eip say`."""

from dataclasses import replace

from launch import LaunchDescription

from eip_bringup.launch_arguments import ROBOT, SIMULATION, robot_processes
from eip_bringup.launch_description import describe


def generate_launch_description() -> LaunchDescription:
    simulated = replace(SIMULATION, default='true')
    return describe([simulated if a is SIMULATION else a for a in ROBOT], robot_processes)
