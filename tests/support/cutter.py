"""cutter.py PORT_FILE TARGET_PORT BYTES [TIMES]: passes connections of a free port of 127.0.0.1, written to PORT_FILE, on to
TARGET_PORT, and breaks off the first TIMES (default 1) that have sent BYTES. Runs until it is killed."""
import socket
import socketserver
import struct
import sys
import threading

import badserver

LOCK = threading.Lock()
LEFT = [int(sys.argv[4]) if len(sys.argv) > 4 else 1]


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def pass_on(source, target, most=None):
    """False: it was broken off."""
    passed = 0
    try:
        while data := source.recv(65536):
            target.sendall(data)
            passed += len(data)
            if most and passed >= most:
                with LOCK:
                    LEFT[0] -= 1
                    if LEFT[0] >= 0:
                        return False
                    most = None
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    return True


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        server = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
        back = threading.Thread(target=pass_on, args=(server, self.request), daemon=True)
        back.start()
        if pass_on(self.request, server, int(sys.argv[3])):
            back.join()
            server.close()
        else:
            reset(self.request)
            reset(server)


def main():
    with badserver.Server(("127.0.0.1", 0), Handler) as server:
        badserver.write_port(sys.argv[1], server)
        server.serve_forever()


main()
