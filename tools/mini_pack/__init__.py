"""The parts of the build of the embedded model pack `mini`."""
