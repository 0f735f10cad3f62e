# SPDX-FileCopyrightText: The cfutures authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""A worker program that speaks the protocol of doc/workers.md itself, and makes the mistake that it is told to make."""

import os
import socket
import struct
import sys

HELLO, CALL, RESULT, BYE = 1, 3, 4, 6
HEAD = struct.Struct('<4sHBBQIIIIII')

line = socket.socket(fileno=int(os.environ['CFUTURES_WORKER_FDS']))


def pad(data):
    return data + bytes(-len(data) % 8)


def send(kind, task=0, code=0, strings=('',), data=b''):
    text = b''.join(string.encode() + b'\0' for string in strings)
    head = HEAD.pack(b'CfWr', 1, kind, 0, task, 0, code, len(strings), len(text), len(data), 0)
    line.sendall(head + pad(text) + pad(data))


def answer(task):
    send(RESULT, task, strings=('x',), data=struct.pack('<q', 7))


def read(size):
    data = b''
    while len(data) < size:
        more = line.recv(size - len(data))
        if not more:
            sys.exit()
        data += more

    return data


def receive():
    """The kind of the next frame, and its number."""
    head = HEAD.unpack(read(HEAD.size))
    read(sum(size + -size % 8 for size in head[8:10]))

    return head[2], head[4]


def answer_before_it_is_ready(task):
    pass


def answer_another(task):
    answer(task + 1000)


def answer_none(task):
    answer(0)


def say_hello_again(task):
    send(HELLO, code=1, strings=('', 'bad'))


def call_the_parent(task):
    send(CALL, task, strings=('', 'a', 'b', 'c'))


def do_right(task):
    answer(task)


mistake = globals()[sys.argv[1]]
send(HELLO, code=1, strings=('', 'bad'))
receive()
if mistake is answer_before_it_is_ready:
    answer(77)
send(RESULT)
while True:
    kind, number = receive()
    if kind == BYE:
        sys.exit()
    mistake(number)
