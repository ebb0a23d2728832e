"""What the pytest plugin does for those who use it; the plugin itself stays small, and quick."""
