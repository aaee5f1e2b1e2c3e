"""Several robots side by side, one namespace each, as `config/fleet.yaml` lists them."""

from launch import LaunchDescription

from eip_bringup.launch_arguments import FLEET, fleet_processes
from eip_bringup.launch_description import describe


def generate_launch_description() -> LaunchDescription:
    return describe(FLEET, fleet_processes)
