"""Metadata for `pip install -e .`; the ROS build is in CMakeLists.txt."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
REQUIREMENTS = [
    line
    for line in (HERE / 'requirements.txt').read_text().splitlines()
    if line and not line.startswith('#')
]

setup(
    name='eip',
    version='0.1.0',
    description='A language model on a robot: judged, permitted and watched.',
    license='Apache-2.0',
    python_requires='>=3.11,<3.13',
    packages=find_packages(include=['eip_*']),
    package_data={
        package: [
            *('**/*.yaml', '**/*.json', '**/*.safetensors', '**/*.md', '**/*.xml', '**/*.txt'),
            *('**/*.jsonl', '**/*.html', '**/*.css', '**/*.js', '**/*.svg'),
        ]
        for package in (
            'eip_ros',
            'eip_llm_interface',
            'eip_safety_monitor',
            'eip_perf_monitor',
            'eip_bringup',
        )
    },
    install_requires=REQUIREMENTS,
)
