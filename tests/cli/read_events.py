"""Reads TensorBoard event files with a reader of its own and holds them against history.jsonl and history.csv.

    read_events.py HISTORY.jsonl FOLDER STEPS_AN_EPOCH [TABLE.csv]

The format is taken from TensorFlow's descriptions (tensorflow/core/lib/io/record_writer.h, core/util/event.proto,
core/framework/summary.proto), not from the program's source. Prints what it found; exits 1 at the first difference.
"""

import csv
import json
import math
import os
import struct
import sys


def table_of_crc32c():
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ 0x82F63B78 if value & 1 else value >> 1
        table.append(value)
    return table


TABLE = table_of_crc32c()


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value = TABLE[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C (RFC 3720, B.4 has others)
assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4: 32 bytes of zeros


def unmask(masked):
    rotated = (masked - 0xA282EAD8) & 0xFFFFFFFF
    return ((rotated >> 17) | (rotated << 15)) & 0xFFFFFFFF


def records(path, may_end_torn):
    """The records of a file. A killed process leaves a torn last record where its write crossed a page of the file
    (the kernel stops between pages); TensorBoard reads up to it and goes on with the next file."""
    data, at = open(path, "rb").read(), 0
    while at < len(data):
        whole = at + 16 <= len(data)
        length, sum_of_length = struct.unpack_from("<QI", data, at) if whole else (0, 0)
        if at + 16 + length > len(data):
            assert may_end_torn, f"{path}: cut short at {at}"
            return
        assert crc32c(data[at : at + 8]) == unmask(sum_of_length), f"{path}: checksum of the length at {at}"
        body = data[at + 12 : at + 12 + length]
        (sum_of_body,) = struct.unpack_from("<I", data, at + 12 + length)
        assert crc32c(body) == unmask(sum_of_body), f"{path}: checksum of the record at {at}"
        yield body
        at += 16 + length


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            return value, at


def fields(data):
    """(number, value) of a message; bytes for lengths and fixed numbers, int for varints."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        else:
            size = {1: 8, 5: 4}.get(kind)
            if kind == 2:
                size, at = varint(data, at)
            assert size is not None and at + size <= len(data), f"wire type {kind}, {size} bytes"
            value, at = data[at : at + size], at + size
        yield key >> 3, value


def read(folder):
    """{tag: {step: (wall time, value)}} as TensorBoard shows it: a session's start drops what it passes again."""
    scalars, sessions = {}, 0
    names = sorted(os.listdir(folder))
    for name in names:
        assert "tfevents" in name, name
        for number, record in enumerate(records(os.path.join(folder, name), name != names[-1])):
            event = dict(fields(record))
            step, wall = event.get(2, 0), struct.unpack("<d", event[1])[0]
            assert abs(wall - os.path.getmtime(os.path.join(folder, name))) < 3600, "wall time"
            if number == 0:
                assert event[3] == b"brain.Event:2", event
            if 7 in event:
                assert dict(fields(event[7])) == {1: 1}, "a session log that is no start"
                sessions += 1
                for points in scalars.values():
                    for later in [s for s in points if s >= step]:
                        del points[later]
            for key, value in fields(event.get(5, b"")):
                parts = dict(fields(value))
                assert key == 1 and set(parts) == {1, 2}, parts
                scalars.setdefault(parts[1].decode(), {})[step] = (wall, struct.unpack("<f", parts[2])[0])
    return scalars, sessions


def flat(record, separator):
    out = {}
    for key, value in record.items():
        if isinstance(value, dict):
            out.update({f"{key}{separator}{k}": v for k, v in value.items()})
        elif key != "epoch":
            out[key] = value
    return out


def single(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def main():
    history = [json.loads(line) for line in open(sys.argv[1])]
    steps = int(sys.argv[3])
    scalars, sessions = read(sys.argv[2])
    wanted = {}
    for record in history:
        for tag, value in flat(record, "/").items():
            if value is not None:
                wanted.setdefault(tag, {})[record["epoch"] * steps] = single(value)
    assert set(scalars) == set(wanted), set(scalars) ^ set(wanted)
    for tag, points in wanted.items():
        got = {step: value for step, (_, value) in scalars[tag].items()}
        assert got == points, f"{tag}: {got} for {points}"
        times = [scalars[tag][step][0] for step in sorted(points)]
        assert times == sorted(times), f"{tag}: the clock goes back"
    if len(sys.argv) > 4:
        rows = list(csv.reader(open(sys.argv[4])))
        assert len(rows) == 1 + len(history), f"{len(rows)} lines for {len(history)} epochs"
        for row, record in zip(rows[1:], history):
            cells = dict(zip(rows[0], row, strict=True))
            assert int(cells.pop("epoch")) == record["epoch"]
            values = flat(record, ".")
            assert list(cells) == list(values), "columns"
            for key, value in values.items():
                assert (cells[key] == "") == (value is None), key
                assert value is None or float(cells[key]) == value, f"{key}: {cells[key]} for {value}"
    print(f"{sessions} sessions, {len(scalars)} tags, {len(history)} epochs")
    assert all(math.isfinite(v) for points in scalars.values() for _, v in points.values())


main()
