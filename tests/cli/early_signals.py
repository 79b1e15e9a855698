"""early_signals.py PROGRAM RUNS DATA: long trainings, each sent SIGTERM, SIGINT or SIGHUP some microseconds to 300 ms
after its start. Prints how many ended otherwise than by the signal (as 130, or by the system)."""
import random
import signal
import subprocess
import sys
import time

program, runs, data = sys.argv[1], int(sys.argv[2]), sys.argv[3]
times = random.Random(1)
lost = 0
for run in range(runs):
    number = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)[run % 3]
    child = subprocess.Popen([program, 'train', data, '-o', 'early-%d' % run, '--epochs', '100000', '--patience', '0', '--threads', '1', '--quiet'],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.3 * times.random() ** 2)
    child.send_signal(number)
    try:
        code = child.wait(20)
    except subprocess.TimeoutExpired:
        child.kill()
        code = child.wait()
    if code not in (130, -number):
        lost += 1
        print('run %d: signal %d, ended with %d' % (run, number, code), file=sys.stderr)
print('%d of %d lost' % (lost, runs))
