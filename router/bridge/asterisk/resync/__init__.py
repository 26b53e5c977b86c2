"""Finding out what Asterisk has, after the WebSocket was away or the bridge was restarted."""
