"""The wire: a bare echo server, clients so cheap that the server is what is measured, and messages made beforehand."""
