"""The jobs dashboard: pages made on the server, which modules in the browser only enliven."""
