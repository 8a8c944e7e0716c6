/* Code in real kernels, of the template that wrennd makes for it. */
#include <stdio.h>
#include <wrenn/wrenn.h>

#include "base/buf.h"
#include "work.h"

typedef struct setup {
    test_daemon daemon;
    char id[40];
    wrenn_client *client;
    wrenn_sandbox *sandbox;
} setup;

static setup set_up(void) {
    setup s = {0};
    char templates[256], url[200];
    int status;
    snprintf(templates, sizeof(templates), "%s/templates", test_dir());
    char *said = daemon_run(
        (const char *[]){"template", "build", "code-interpreter", "--template-dir", templates, NULL}, &status);
    if (status == 1 && strstr(said, "apt-get install jupyter-server python3-ipykernel"))
        test_skip("needs the packages jupyter-server and python3-ipykernel: tools/install-deps.sh test");
    CHECK_MSG(status == 0, "%s", said);
    free(said);
    start(&s.daemon, (const char *[]){"--template-dir", templates, NULL});
    make_from(&s.daemon, "python-interpreter-v0-beta", s.id);
    snprintf(url, sizeof(url), "unix:%s", s.daemon.socket);
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    options.base_url = url;
    options.api_key = s.daemon.key;
    CHECK_INT(wrenn_client_new(&options, &s.client, NULL), 0);
    CHECK_INT(wrenn_sandbox_from_id(s.client, s.id, &s.sandbox, NULL), 0);
    return s;
}

static void tear_down(setup *s) {
    wrenn_sandbox_free(s->sandbox);
    wrenn_client_free(s->client);
    destroy(&s->daemon, s->id);
    daemon_stop(&s->daemon);
}

static wrenn_sandbox_run_code_options options_of(const char *code) {
    wrenn_sandbox_run_code_options options = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
    options.code = code;
    options.time_limit_ms = 100000; /* machines may be busy */
    options.start_timeout_ms = 100000;
    return options;
}

static wrenn_code_execution *run_with(wrenn_sandbox *sandbox, const wrenn_sandbox_run_code_options *options) {
    wrenn_code_execution *x = NULL;
    wrenn_error *error = NULL;
    int rc = wrenn_sandbox_run_code(sandbox, options, &x, &error);
    CHECK_MSG(rc == 0, "%s: %s", options->code, wrenn_error_message(error));
    return x;
}

static wrenn_code_execution *run(setup *s, const char *code) {
    wrenn_sandbox_run_code_options options = options_of(code);
    return run_with(s->sandbox, &options);
}

static wrenn_code_context *context_of(wrenn_sandbox *sandbox, uint64_t flags, const char *kernel) {
    wrenn_sandbox_code_context_options options = WRENN_SANDBOX_CODE_CONTEXT_OPTIONS_INIT;
    wrenn_code_context *context = NULL;
    wrenn_error *error = NULL;
    options.flags = flags;
    options.kernel = kernel;
    options.call.timeout_ms = 100000;
    int rc = wrenn_sandbox_code_context(sandbox, &options, &context, &error);
    CHECK_MSG(rc == 0, "%s", wrenn_error_message(error));
    return context;
}

static void check_text(wrenn_sandbox *sandbox, wrenn_code_context *context, const char *code, const char *want) {
    wrenn_sandbox_run_code_options options = options_of(code);
    options.context = context;
    wrenn_code_execution *x = run_with(sandbox, &options);
    CHECK_MSG(!x->error, "%s: %s", code, x->error->value);
    if (want) CHECK_STR(x->text, want);
    else CHECK(x->text == NULL);
    wrenn_code_execution_free(x);
}

static void check_out(setup *s, const char *kernel, const char *code, const char *want) {
    wrenn_sandbox_run_code_options options = options_of(code);
    options.kernel = kernel;
    wrenn_code_execution *x = run_with(s->sandbox, &options);
    CHECK_STR(x->stdout_data, want);
    wrenn_code_execution_free(x);
}

/* ---- output ---- */

TEST_SLOW(all_that_is_shown_arrives) {
    setup s = set_up();
    wrenn_code_execution *x = run(&s, "print('x' * 4000000)");
    CHECK_INT(x->stdout_size, 4000001);
    wrenn_code_execution_free(x);
    x = run(&s, "for i in range(3000): print('%04d' % i, flush=True)\nraise ValueError('boom')");
    CHECK_INT(x->stdout_size, 3000 * 5);
    CHECK(x->error != NULL);
    CHECK_STR(x->error->name, "ValueError");
    wrenn_code_execution_free(x);
    /* One message of more than 64 MiB. */
    x = run(&s, "from IPython.display import display\ndisplay({'text/plain': 'x' * 70000000}, raw=True)");
    CHECK_INT(x->results_count, 1);
    CHECK_INT(wrenn_code_result_mime(x->results[0], "text/plain")->size, 70000000);
    wrenn_code_execution_free(x);
    tear_down(&s);
}

TEST_SLOW(displays_are_updated_and_cleared) {
    setup s = set_up();
    check_out(&s, NULL,
              "from IPython.display import display, clear_output\n"
              "for i in range(4): clear_output(wait=True); print(i)",
              "3\n");
    wrenn_code_execution *x = run(&s, "h = display('0%', display_id=True); h.update('50%'); h.update('100%')");
    CHECK_INT(x->results_count, 1);
    CHECK_STR(wrenn_code_result_mime(x->results[0], "text/plain")->data, "'100%'");
    wrenn_code_execution_free(x);
    tear_down(&s);
}

/* What programs write need not be text, nor come in whole characters. */
TEST_SLOW(odd_bytes_and_split_characters) {
    setup s = set_up();
    check_out(&s, "bash",
              "for i in 1 2 3; do printf '\\344\\270'; sleep 0.1; printf '\\226'; sleep 0.1; done; printf '\\344'",
              "\xe4\xb8\x96\xe4\xb8\x96\xe4\xb8\x96\xef\xbf\xbd");
    wrenn_code_execution_free(run(&s, "import os, subprocess, time\n_ = subprocess.run(['printf', '\\\\351\\\\n'])"));
    check_out(&s, NULL, "_ = subprocess.run(['echo', 'later'])\ntime.sleep(1)", "later\n");
    tear_down(&s);
}

/* The kernel flushes its output before it answers, whatever code has made of it. */
TEST_SLOW(closed_output_is_no_end) {
    setup s = set_up();
    static const char *const lines[] = {"import sys; sys.stdout.close(); 5", "sys.stdout = None; 5",
                                        "sys.stderr = open('/tmp/x', 'w'); sys.stderr.close(); 5", "del sys.stdout; 5"};
    for (size_t i = 0; i < WRN_COUNT(lines); i++) {
        check_text(s.sandbox, NULL, lines[i], "5");
        check_out(&s, NULL, "print('b')", "b\n");
    }
    for (int i = 0; i < 2; i++) check_out(&s, NULL, "sys.stdout = sys.__stdout__; print('c')", "c\n");
    wrenn_code_execution *x = run(&s, "_ = sys.stderr.write('e')");
    CHECK_STR(x->stderr_data, "e");
    wrenn_code_execution_free(x);
    tear_down(&s);
}

/* As sys.exit() always was: the kernel, with all that it knows, stays. */
TEST_SLOW(exits_end_the_code_only) {
    setup s = set_up();
    static const char *const lines[] = {"exit()", "exit(3)", "quit", "import sys; sys.exit(3)", "raise SystemExit"};
    check_text(s.sandbox, NULL, "x = 1", NULL);
    for (size_t i = 0; i < WRN_COUNT(lines); i++) {
        wrenn_code_execution *x = run(&s, lines[i]);
        CHECK_MSG(x->error && strcmp(x->error->name, "SystemExit") == 0, "%s", lines[i]);
        CHECK_INT(x->stderr_size, 0);
        wrenn_code_execution_free(x);
        check_text(s.sandbox, NULL, "x", "1");
    }
    tear_down(&s);
}

/* Without its modules the kernel would never answer again. */
TEST_SLOW(modules_that_are_gone_come_back) {
    setup s = set_up();
    static const char *const lines[] = {"import sys; sys.modules.clear()", "sys.modules = {}",
                                        "for name in list(sys.modules): del sys.modules[name]"};
    for (size_t i = 0; i < WRN_COUNT(lines); i++) {
        wrenn_code_execution_free(run(&s, lines[i]));
        check_out(&s, NULL, "import json, os; print(json.dumps(os.path.sep))", "\"/\"\n");
    }
    tear_down(&s);
}

/* What the kernel itself is made of lies open to the code that runs in it. It answers all the same, and knows what it knew. */
TEST_SLOW(a_kernel_that_code_breaks_still_answers) {
    setup s = set_up();
    static const char *const lines[] = {
        "import json; json.dumps = None",
        "import json; json.dumps = json.loads = lambda *a, **k: 'x'",
        "import json; del json.dumps; print('x')",
        "import json; json.JSONEncoder.iterencode = None; json.JSONEncoder.encode = None",
        "print = None",
        "import builtins; builtins.print = None",
        "import builtins; builtins.len = builtins.isinstance = builtins.dict = None",
        "import builtins; builtins.Exception = builtins.BaseException = None",
        "import builtins; vars(builtins).clear()",
        "import sys; sys.stdout = None; sys.stderr = None; sys.stdin = None",
        "import os; os.environ.clear()",
        "import os; os.write = os.getpid = os.urandom = None",
        "import jupyter_client.session as j; j.Session.send = j.Session.serialize = None",
        "import jupyter_client.session as j; j.json_packer = j.utcnow = j.new_id = None",
        "import datetime, uuid, hmac; datetime.datetime = uuid.uuid4 = hmac.HMAC.copy = None",
        "import threading, time; threading.Event = threading.current_thread = time.time = None; print('x')",
        "import zmq; zmq.Socket.send_multipart = zmq.sugar.socket.Socket.send = None",
        "import asyncio\nfor task in asyncio.all_tasks(): task.cancel()",
        "import sys; sys.setrecursionlimit(60)",
        "import sys; sys.modules['json'] = sys.modules['zmq'] = None",
        "import sys; sys.displayhook = sys.excepthook = None",
        "get_ipython().showtraceback = None; 1/0",
        "import warnings, logging; warnings.warn = logging.Logger.error = None; 1/0",
    };
    check_text(s.sandbox, NULL, "mine = 41", NULL);
    for (size_t i = 0; i < WRN_COUNT(lines); i++) {
        test_note("%s", lines[i]);
        wrenn_code_execution *x = run(&s, lines[i]);
        CHECK_INT(x->timed_out, 0);
        wrenn_code_execution_free(x);
        check_text(s.sandbox, NULL, "mine + 1", "42");
    }
    /* What the kernel can do without stays as it is. */
    check_text(s.sandbox, NULL, "import json; json.load = len; json.load('abc')", "3");
    check_text(s.sandbox, NULL, "json.load('abc')", "3");
    tear_down(&s);
}

/* Names of odd files have such. */
TEST_SLOW(text_that_is_no_text) {
    setup s = set_up();
    check_out(&s, NULL, "print('a\\udcffb\\ud800', '\\U0001f600')",
              "a\xef\xbf\xbd"
              "b\xef\xbf\xbd \xf0\x9f\x98\x80\n");
    wrenn_code_execution *x = run(&s, "raise ValueError('\\ud800 bad')");
    CHECK(x->error != NULL);
    CHECK_STR(x->error->value, "\xef\xbf\xbd bad");
    wrenn_code_execution_free(x);
    tear_down(&s);
}

/* Jupyter's sockets do not wait until there is more to send. */
TEST_SLOW(messages_leave_at_once) {
    setup s = set_up();
    check_text(
        s.sandbox, NULL,
        "import socket, threading, urllib.request, asyncio\n"
        "from tornado import httpserver, web\n"
        "exec(open('/opt/code-interpreter/server.py').read(), {'get_config': __import__('traitlets').config.Config})\n"
        "seen = []\n"
        "class Handler(web.RequestHandler):\n"
        "    def get(self):\n"
        "        seen.append(self.request.connection.stream.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))\n"
        "server = httpserver.HTTPServer(web.Application([('/', Handler)]))\n"
        "server.listen(8001, '127.0.0.1')\n"
        "def ask():\n"
        "    with socket.create_connection(('127.0.0.1', 8001)) as c:\n"
        "        for i in range(2):\n"
        "            c.sendall(b'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')\n"
        "            while not c.recv(4096).endswith(b'\\r\\n\\r\\n'): pass\n"
        "await asyncio.get_running_loop().run_in_executor(None, ask)\n"
        "seen",
        "[1, 1]");
    tear_down(&s);
}

#define AFRESH "'python_kernel.py' in open('/proc/self/cmdline').read()"

/* Kernels are forked from a process that is ready, in a session of their own; not when what is installed has changed. */
TEST_SLOW(kernels_are_forked_and_what_is_installed_is_seen) {
    setup s = set_up();
    check_text(s.sandbox, NULL, "import os, sys; " AFRESH ", os.getsid(0) == os.getpid(), sys.argv[0]",
               "(False, True, '/opt/code-interpreter/python_kernel.py')");
    wrenn_code_context *a = context_of(s.sandbox, 0, NULL);
    check_text(s.sandbox, a, AFRESH ", 'early' in globals()", "(False, False)");
    wrenn_code_execution_free(run(&s, "import site, os; place = site.getusersitepackages() + '/wrenn_new'\n"
                                      "os.makedirs(place); open(place + '/__init__.py', 'w').close()"));
    CHECK_INT(wrenn_code_context_restart(a, NULL, NULL), 0);
    check_text(s.sandbox, a, "import wrenn_new; " AFRESH, "True");
    CHECK_INT(wrenn_code_context_delete(a, NULL, NULL), 0);
    wrenn_code_context_free(a);
    tear_down(&s);
}

/* Its kernels go on, and others are made without it. */
TEST_SLOW(the_process_that_forks_may_die) {
    setup s = set_up();
    check_text(s.sandbox, NULL, "import os; x = 1; os.kill(os.getppid(), 9)", NULL);
    check_text(s.sandbox, NULL, "x", "1");
    wrenn_code_context *a = context_of(s.sandbox, 0, NULL);
    check_text(s.sandbox, a, AFRESH, "True");
    wrenn_code_context_free(a);
    tear_down(&s);
}

/* ---- what goes wrong ---- */

TEST_SLOW(errors_that_only_the_reply_tells) {
    setup s = set_up();
    wrenn_code_execution_free(run(&s, "1/0"));
    wrenn_code_execution *x = run(&s, "%nosuchmagic");
    CHECK(x->error != NULL);
    CHECK_STR(x->error->name, "UsageError");
    CHECK(!strstr(x->error->traceback, "ZeroDivisionError"));
    wrenn_code_execution_free(x);
    tear_down(&s);
}

/* Death after death: what runs next is lost as little as its output. */
TEST_SLOW(a_kernel_that_dies) {
    setup s = set_up();
    for (int i = 0; i < 3; i++) {
        wrenn_sandbox_run_code_options options = options_of("import os; os._exit(1)");
        wrenn_code_execution *x = NULL;
        CHECK_INT(wrenn_sandbox_run_code(s.sandbox, &options, &x, NULL), WRENN_E_AGENT);
        check_out(&s, NULL, "print('after')", "after\n");
    }
    tear_down(&s);
}

/* Nobody listens when it dies between two calls. The next one says so, also one of another program. */
TEST_SLOW(a_kernel_that_dies_between_calls) {
    setup s = set_up();
    for (int i = 0; i < 2; i++) {
        wrenn_sandbox *again = NULL;
        wrenn_sandbox_run_code_options options = options_of("x");
        wrenn_code_execution *x = NULL;
        wrenn_error *error = NULL;
        check_text(s.sandbox, NULL, "import os, threading; x = 1; threading.Timer(0.3, os._exit, [1]).start()", NULL);
        CHECK_INT(wrenn_sandbox_from_id(s.client, s.id, &again, NULL), 0);
        wrenn_sandbox *asks = i ? again : s.sandbox;
        int rc = 0;
        while (rc == 0) { /* until it is dead */
            rc = wrenn_sandbox_run_code(asks, &options, &x, &error);
            wrenn_code_execution_free(x);
            x = NULL;
        }
        CHECK_INT(rc, WRENN_E_AGENT);
        CHECK_CONTAINS(wrenn_error_message(error), "its state is lost");
        wrenn_error_free(error);
        check_text(asks, NULL, "'x' in globals()", "False");
        if (i == 0) check_text(again, NULL, "6 * 7", "42"); /* it was told */
        wrenn_sandbox_free(again);
    }
    tear_down(&s);
}

#define DEAF "import time\nwhile True:\n  try: time.sleep(1)\n  except KeyboardInterrupt: pass"

TEST_SLOW(a_kernel_that_ignores_its_interrupt) {
    setup s = set_up();
    wrenn_sandbox_run_code_options options = options_of("import time; print('so far'); time.sleep(1000)");
    options.time_limit_ms = 2000;
    wrenn_code_execution_free(run(&s, "x = 1"));
    wrenn_code_execution *x = run_with(s.sandbox, &options);
    CHECK_INT(x->timed_out, 1);
    CHECK_INT(x->still_running, 0);
    CHECK_STR(x->stdout_data, "so far\n");
    CHECK_STR(x->error->name, "KeyboardInterrupt");
    wrenn_code_execution_free(x);
    options.code = DEAF;
    x = run_with(s.sandbox, &options);
    CHECK_INT(x->timed_out, 1);
    CHECK_INT(x->still_running, 1);
    wrenn_code_execution_free(x);
    /* What comes then waits in vain, is not run later, and interrupts nothing. */
    options = options_of("open('/tmp/ran', 'w')");
    options.start_timeout_ms = 500;
    CHECK_INT(wrenn_sandbox_run_code(s.sandbox, &options, &x, NULL), WRENN_E_TIMEOUT);
    wrenn_code_context *context = context_of(s.sandbox, WRENN_SANDBOX_CODE_CONTEXT_DEFAULT, NULL);
    CHECK_INT(wrenn_code_context_restart(context, NULL, NULL), 0);
    wrenn_code_context_free(context);
    check_text(s.sandbox, NULL, "import os; 'x' in globals(), os.path.exists('/tmp/ran')", "(False, False)");
    tear_down(&s);
}

TEST_SLOW(what_is_cancelled_is_interrupted) {
    setup s = set_up();
    wrenn_sandbox_run_code_options options = options_of("import time; open('/tmp/begun', 'w'); time.sleep(1000)");
    wrenn_op *op = NULL;
    int64_t exists = 0;
    CHECK_INT(wrenn_sandbox_run_code_start(s.sandbox, &options, NULL, NULL, &op, NULL), 0);
    while (!exists) {
        CHECK(wrenn_client_dispatch(s.client, 50, NULL) >= 0);
        CHECK_INT(wrenn_sandbox_exists(s.sandbox, "/tmp/begun", NULL, &exists, NULL), 0);
    }
    wrenn_op_cancel(op);
    wrenn_op_free(op);
    check_text(s.sandbox, NULL, "6 * 7", "42"); /* or it would wait for a quarter of an hour */
    tear_down(&s);
}

/* ---- which kernel ---- */

TEST_SLOW(who_shares_a_kernel) {
    setup s = set_up();
    static const char *const names[] = {NULL, "python3"};
    wrenn_sandbox *again = NULL;
    for (size_t i = 0; i < 2; i++) { /* contexts come first, and none is taken for the default */
        wrenn_code_context *a = context_of(s.sandbox, 0, names[i]), *b = context_of(s.sandbox, 0, names[i]);
        check_text(s.sandbox, a, "secret = 1; secret", "1");
        check_text(s.sandbox, b, "'secret' in globals()", "False");
        check_text(s.sandbox, NULL, "'secret' in globals()", "False");
        CHECK_INT(wrenn_code_context_delete(b, NULL, NULL), 0);
        wrenn_code_context_free(a);
        wrenn_code_context_free(b);
    }
    check_text(s.sandbox, NULL, "shared = 2; shared", "2");
    CHECK_INT(wrenn_sandbox_from_id(s.client, s.id, &again, NULL), 0);
    check_text(again, NULL, "shared", "2");
    wrenn_sandbox_free(again);
    tear_down(&s);
}

/* Two handles that begin at the same moment, as two programs do. */
TEST_SLOW(two_at_once_get_one_kernel) {
    setup s = set_up();
    wrenn_sandbox *again = NULL;
    wrenn_op *ops[2] = {NULL, NULL};
    wrenn_code_execution *x[2] = {NULL, NULL};
    wrenn_sandbox_run_code_options options = options_of("import os; os.getpid()");
    CHECK_INT(wrenn_sandbox_from_id(s.client, s.id, &again, NULL), 0);
    for (int i = 0; i < 2; i++)
        CHECK_INT(wrenn_sandbox_run_code_start(i ? again : s.sandbox, &options, NULL, NULL, &ops[i], NULL), 0);
    for (int i = 0; i < 2; i++) {
        while (!wrenn_op_is_done(ops[i])) CHECK(wrenn_client_dispatch(s.client, 50, NULL) >= 0);
        CHECK_INT(wrenn_sandbox_run_code_finish(ops[i], &x[i], NULL), 0);
        wrenn_op_free(ops[i]);
    }
    CHECK_STR(x[0]->text, x[1]->text);
    reply r = ask(&s.daemon, s.id, 8888, "GET", "/api/kernels");
    CHECK_INT(wrn_json_count(r.json), 1);
    reply_free(&r);
    for (int i = 0; i < 2; i++) wrenn_code_execution_free(x[i]);
    wrenn_sandbox_free(again);
    tear_down(&s);
}

TEST_SLOW(an_unknown_kernel_is_named) {
    setup s = set_up();
    wrenn_sandbox_run_code_options options = options_of("1");
    wrenn_code_execution *x = NULL;
    wrenn_error *error = NULL;
    options.kernel = "nosuch";
    CHECK_INT(wrenn_sandbox_run_code(s.sandbox, &options, &x, &error), WRENN_E_NOT_FOUND);
    CHECK(strstr(wrenn_error_message(error), "python3"));
    wrenn_error_free(error);
    tear_down(&s);
}

TEST_MAIN
