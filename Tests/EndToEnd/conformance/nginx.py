# SPDX-License-Identifier: Apache-2.0
"""Debian's nginx-light with fixed answers, as something to compare with.

GET is answered from the head alone. POST goes through the proxy module, which reads and checks the whole body first, as
nginx does wherever it stands before something. Limits are nginx's defaults.
"""

import contextlib
import getpass
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

CONFIGURATION = """
{user}
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_timeout 75s;
    server {{
        listen 127.0.0.1:{port};
        location / {{ return 200 "fixed\\n"; }}
        location = /post {{ proxy_pass http://unix:{folder}/fixed.sock:/; }}
    }}
    server {{
        listen unix:{folder}/fixed.sock;
        location / {{ return 200 "taken\\n"; }}
    }}
}}
"""


def binary():
    path = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if path is None:
        raise SystemExit("no nginx: apt-get install nginx-light")
    return path


def version():
    return subprocess.run([binary(), "-v"], capture_output=True, text=True).stderr.strip().split("/")[-1]


@contextlib.contextmanager
def nginx(port):
    """Runs nginx on the port, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="nginx-") as folder:
        user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
        configuration = pathlib.Path(folder) / "nginx.conf"
        configuration.write_text(CONFIGURATION.format(folder=folder, port=port, user=user))
        process = subprocess.Popen(
            [binary(), "-p", folder, "-c", configuration, "-e", f"{folder}/error.log", "-g", "daemon off;"]
        )
        try:
            wait_for(process, port)
            yield
        finally:
            process.terminate()
            process.wait(10)


def wait_for(process, port):
    for _ in range(200):
        if process.poll() is not None:
            raise SystemExit(f"nginx ended with {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise SystemExit("nginx does not listen")
