PYTHON ?= python3
VENV := .venv/bin
export ROS_AUTOMATIC_DISCOVERY_RANGE ?= LOCALHOST

.PHONY: help setup demo run test colcon-test lint format clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup:  ## make .venv, install ROS 2 wheels, build the interfaces
	@$(PYTHON) scripts/set_up.py

demo: setup  ## run one simulated robot through the scripted errands
	@$(VENV)/eip demo

run: setup  ## run one simulated robot and stay up
	@$(VENV)/eip up

test: setup  ## run the whole test suite
	@$(VENV)/python -m pytest

colcon-test: setup  ## build and test the ROS package with colcon and the wheels
	@$(PYTHON) scripts/colcon_test.py

lint: setup  ## ruff and mypy
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check .
	@$(VENV)/mypy

format: setup  ## let ruff format the code
	@$(VENV)/ruff format .

clean:  ## remove everything that was built
	rm -rf .venv build install log
