"""llama.cpp's own HTTP server, out of the wheel xllamacpp, on loopback.

llama_server.py PORT MODEL.gguf
"""

import sys
import time

import xllamacpp

parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[2]
parameters.hostnames = ["127.0.0.1"]
parameters.port = int(sys.argv[1])
parameters.n_ctx = 2048
parameters.n_parallel = 2
parameters.cpuparams.n_threads = 1
parameters.cpuparams_batch.n_threads = 1
# Nothing is fetched, nothing is shown.
parameters.offline = True
parameters.ui = False
parameters.warmup = False
server = xllamacpp.Server(parameters)
print(server.listening_address, flush=True)
while True:
    time.sleep(60)
