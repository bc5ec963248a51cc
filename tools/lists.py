"""What the build consists of: every C file, test and benchmark, by name. `ninja lint` fails when one of the tree is not here."""

# The layers (docs/design.md): base <- h2, base <- io; h2 and io do not know each other; bind sees all three.
SOURCES = {
    'base': ['base64url', 'buf', 'hex', 'mem', 'pool'],
    'h2': [
        'block', 'conn', 'conn_feed', 'event', 'flow', 'frame_decode', 'frame_encode', 'hpack_decode',
        'hpack_encode', 'hpack_int', 'hpack_table', 'http1', 'http1_body', 'http1_chunked', 'huffman', 'observe',
        'reply', 'settings', 'streams', 'tables', 'transcript',
    ],
    'io': [
        'capture', 'connect', 'listen', 'names', 'orphans', 'process', 'stream', 'stream_tls', 'stream_write', 'tls',
        'tls_bio', 'tls_cert', 'tls_context', 'tls_early', 'tls_flight', 'tls_hello', 'tls_keylog', 'tls_server',
    ],
    'bind': [
        'clock', 'embedded', 'engine', 'gate', 'keys', 'limits', 'lua_capture', 'lua_conn', 'lua_conn_h2',
        'lua_conn_inspect',
        'lua_conn_open', 'lua_conn_raw', 'lua_conn_tls', 'lua_event', 'lua_frame', 'lua_frame_read', 'lua_hpack',
        'lua_http1', 'lua_listen', 'lua_process', 'lua_tls', 'queue', 'sched', 'script', 'signals', 'small', 'task',
    ],
}
MAIN = ['src/main.c']

# C unit tests, tests/c/check_NAME.c, by the layer they test: each is linked with that layer and what it
# rests on and with nothing else, so that a forbidden dependency does not even link.
C_TESTS = {
    'base': ['base64url', 'buf', 'pool'],
    'h2': [
        'conn', 'conn_limits', 'frame', 'frame_corpus', 'frame_encode', 'hpack', 'hpack_corpus', 'hpack_examples',
        'hpack_nghttp2', 'hpack_table', 'http1', 'http1_chunked', 'huffman', 'settings', 'stream_states',
    ],
    'io': ['capture', 'names', 'process', 'stream', 'stream_tls', 'tls', 'tls_actions', 'tls_hostile'],
}
C_TEST_SUPPORT = {}
C_TEST_PACKAGES = {'hpack_nghttp2': ['libnghttp2']}

# Lua unit tests, tests/lua/NAME_spec.lua.
LUA_TESTS = [
    'args', 'case_run', 'cli', 'cli_client', 'cli_report', 'completion', 'conn_hello', 'coverage', 'engine',
    'engine_capture', 'engine_clock', 'engine_conn', 'engine_process', 'engine_task', 'engine_tls', 'environment',
    'expectations', 'fields', 'fleet', 'formats', 'frames', 'gate', 'gating', 'html', 'language', 'loader',
    'manual', 'names', 'outcome', 'outcome_tls', 'pcapng', 'reporting', 'reports', 'results', 'runner',
    'save_failing', 'selection', 'sessions', 'server_command', 'settings_file', 'shard', 'stored', 'targets', 'transcript',
    'under_test', 'url', 'watch',
]

# Commands that run the whole program (H2PROBE stands for it): name, command, how tests/run.py counts. Every case has
# its guilty peer, every requirement a case, a rule of the watchman or a reason, and peers that treat everything alike or have
# odd manners get the verdicts that tests/peers/verdicts.tsv states. With sanitizers the proof would take many minutes: there a
# whole run stands for it.
PROOF = ('prove', 'H2PROBE prove', 'proven')
CI_FILES = ('ci_files', 'python3 tests/ci_files.py H2PROBE', 'tap')
SANITIZED_RUN = ('run', 'H2PROBE run --mode all --timeout 10', 'exit')
PROGRAM_TESTS = [
    ('coverage', 'H2PROBE coverage', 'exit'),
] + [
    ('peer_' + name.replace('-', '_'), 'H2PROBE prove --blunt %s --expect tests/peers/verdicts.tsv%s' % (name, more), 'exit')
    for name, more in [
        ('close', ''),
        ('silent', ''),
        ('ok', ' --mode prior http2 messages'),
        ('reset', ''),
        ('goaway', ''),
        ('codes', ' --mode prior'),
        ('no-goaway', ' --mode prior'),
        ('late', ' --mode prior messages/exchanges messages/values http2/ping http2/goaway hpack/integers'),
        ('octets', ' --mode prior'),
        ('chatty', ' --mode prior'),
        ('continuation', ' --mode prior'),
        ('padded', ' --mode prior'),
    ]
]

# libFuzzer targets, tests/fuzz/fuzz_NAME.c, with the layers that they are linked with.
FUZZ_TARGETS = {'conn': 'h2', 'frame': 'h2', 'hpack': 'h2', 'http1': 'h2'}

# Programs of `ninja bench`: the C ones, tests/bench/NAME.c, are linked with base, h2 and libnghttp2.
C_BENCHES = ['bench_codec']
PY_BENCHES = ['bench_run']
