"""Budget, pressure and reclaim."""
