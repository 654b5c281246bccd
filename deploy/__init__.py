"""How the parts are put together and run: settings, wiring, the one command, the demo."""
