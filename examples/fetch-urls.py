# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Fetches URLs, five at a time, and shows each as soon as it is there.

Without arguments it fetches from a server of its own, which has pages of several sizes, one that is slow and one that
is missing; besides there are a port that refuses and a host that does not exist.
"""

import http.server
import socket
import sys
import threading
import time
import urllib.request

import gi

gi.require_version('Cf', '1.0')

from gi.repository import Cf  # noqa: E402

# The size of each, and after how many seconds it comes.
PAGES = {'/fox': (225141, 0), '/cnn': (154947, 0), '/wsj': (911144, 0), '/bbc': (274394, 0.5)}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path not in PAGES:
            self.send_error(404)
            return
        size, delay = PAGES[self.path]
        time.sleep(delay)
        self.send_response(200)
        self.send_header('Content-Length', str(size))
        self.end_headers()
        self.wfile.write(b' ' * size)

    def log_message(self, format, *args):
        pass


def start_server():
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    return server


def get_refused_port():
    with socket.create_server(('127.0.0.1', 0)) as listener:
        return listener.getsockname()[1]


def get_own_urls():
    root = f'http://127.0.0.1:{start_server().server_port}'

    return [*[root + path for path in PAGES], root + '/missing',
            f'http://127.0.0.1:{get_refused_port()}/', 'http://bad_host..name/']


URLS = sys.argv[1:] or get_own_urls()

# What goes to this machine is no business of a proxy.
opener = urllib.request.build_opener(*[] if sys.argv[1:] else [urllib.request.ProxyHandler({})])


# 하나의 페이지를 추출하여, URL과 내용을 반환
def load_url(url, timeout):
    with opener.open(url, timeout=timeout) as conn:
        return conn.read()


# with문을 사용하여 스레드가 즉시 끝내도록 함
with Cf.ThreadPoolExecutor(max_workers=5) as executor:
    future_to_url = {executor.submit(load_url, url, 60): url for url in URLS}
    for future in Cf.as_completed(future_to_url):
        url = future_to_url[future]
        try:
            data = future.result()
        except Exception as exc:
            print('%r generated an exception: %s' % (url, exc))
        else:
            print('%r page is %d bytes' % (url, len(data)))
