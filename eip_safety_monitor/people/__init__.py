"""How far is far enough from people: separation and prediction."""
