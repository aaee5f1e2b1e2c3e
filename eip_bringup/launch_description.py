"""What the launch files have in common: arguments in, nodes of `composition.py` out.

Imports `launch` and `launch_ros`, which come with ROS 2 and have no wheels; nothing else does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.launch_context import LaunchContext
from launch.launch_description import LaunchDescription
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from eip_bringup.composition import Process
from eip_bringup.launch_arguments import Argument

__all__ = ['describe']


def describe(
    arguments: Sequence[Argument], compose: Callable[[Mapping[str, str]], Iterable[Process]]
) -> LaunchDescription:
    """Return a description that starts what `compose` makes of the launch arguments' values."""

    def start(context: LaunchContext) -> list[Node]:
        values = {
            argument.name: LaunchConfiguration(argument.name).perform(context)
            for argument in arguments
        }
        return [Node(**process.launch_arguments()) for process in compose(values)]

    declared = [
        DeclareLaunchArgument(
            argument.name,
            default_value=argument.default,
            description=argument.description,
            choices=list(argument.choices) or None,
        )
        for argument in arguments
    ]
    unbuffered = SetEnvironmentVariable('PYTHONUNBUFFERED', '1')
    return LaunchDescription([*declared, unbuffered, OpaqueFunction(function=start)])
