"""Rules of the policy as signal temporal logic, evaluated as their signals come."""
