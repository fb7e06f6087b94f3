"""Nobody sees, changes or learns of what is somebody else's; and no request breaks anything."""
