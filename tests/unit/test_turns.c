/* Who gets the loop next (server/turns.h). Time passes only where a test says so: in burn(), and a window with each iteration of
 * the loop. So nothing here depends on how fast the machine is. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "server/turns.h"
#include "test.h"

enum { WINDOW_US = 5000, BURN_US = 6 * WINDOW_US };

static int64_t now_us = INT64_C(3600000000);

int __wrap_clock_gettime(clockid_t id, struct timespec *now);

/* What turns.c sees: that of the thread, too, which does nothing but burn. */
int __wrap_clock_gettime(clockid_t id, struct timespec *now) {
    *now = (struct timespec){.tv_sec = now_us / 1000000, .tv_nsec = now_us % 1000000 * 1000};
    return 0;
}

typedef struct fixture {
    uv_loop_t loop;
    uv_check_t iterations;
    char order[32];
} fixture;

typedef struct source {
    wrn_turn turn;
    fixture *f;
    char name;
} source;

static void on_go(wrn_turn *turn) {
    source *s = turn->context;
    size_t size = strlen(s->f->order);
    s->f->order[size] = s->name;
}

static void on_iteration(uv_check_t *check) { now_us += WINDOW_US; }

static void open_turns(fixture *f) {
    memset(f, 0, sizeof(*f));
    CHECK_INT(uv_loop_init(&f->loop), 0);
    uv_check_init(&f->loop, &f->iterations);
    uv_check_start(&f->iterations, on_iteration);
    uv_unref((uv_handle_t *)&f->iterations);
}

static void close_turns(fixture *f) {
    uv_run(&f->loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&f->iterations, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    CHECK_INT(uv_loop_close(&f->loop), 0);
}

static void make(fixture *f, source *s, const char *owner, char name) {
    *s = (source){.f = f, .name = name};
    s->turn = (wrn_turn){.go = on_go, .context = s, .loop = &f->loop};
    wrn_turn_set_owner(&s->turn, owner);
}

static bool burn(source *s) {
    wrn_turn_begin(&s->turn);
    now_us += BURN_US;
    return wrn_turn_end(&s->turn);
}

/* A short event. */
static void touch(source *s) {
    wrn_turn_begin(&s->turn);
    CHECK(!wrn_turn_end(&s->turn));
}

TEST(a_long_turn_waits_and_goes_on) {
    fixture f;
    source a;
    open_turns(&f);
    make(&f, &a, "cl-a", 'a');
    CHECK(burn(&a));
    CHECK_STR(f.order, ""); /* not from inside the call */
    uv_run(&f.loop, UV_RUN_DEFAULT);
    CHECK_STR(f.order, "a");
    close_turns(&f);
}

TEST(owners_take_turns_however_many_sources_they_have) {
    fixture f;
    source many[3], one;
    open_turns(&f);
    for (int i = 0; i < 3; i++) make(&f, &many[i], "cl-many", 'm');
    make(&f, &one, "cl-one", '1');
    for (int i = 0; i < 3; i++) wrn_turn_wait(&many[i].turn);
    wrn_turn_wait(&one.turn);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    CHECK_STR(f.order, "m1mm");
    for (int i = 0; i < 3; i++) wrn_turn_close(&many[i].turn);
    wrn_turn_close(&one.turn);
    close_turns(&f);
}

/* However many there are: who shared one with a busy owner would wait for all of its sources. */
TEST(each_owner_has_an_account_of_its_own) {
    fixture f;
    source busy[2], others[20];
    char id[16];
    open_turns(&f);
    for (int n = 0; n < 3000; n++) {
        source *other = &others[n % 20];
        if (other == others)
            for (int i = 0; i < 2; i++) make(&f, &busy[i], "cl-busy", 'b'), wrn_turn_wait(&busy[i].turn);
        snprintf(id, sizeof(id), "cl-%d", n);
        make(&f, other, id, 'o');
        wrn_turn_wait(&other->turn);
        if (other != &others[19]) continue;
        uv_run(&f.loop, UV_RUN_DEFAULT);
        CHECK_STR(f.order, "boooooooooooooooooooob");
        memset(f.order, 0, sizeof(f.order));
        for (int i = 0; i < 20; i++) wrn_turn_close(&others[i].turn);
        for (int i = 0; i < 2; i++) wrn_turn_close(&busy[i].turn);
    }
    close_turns(&f);
}

TEST(who_wants_little_overtakes_who_wanted_much) {
    fixture f;
    source heavy, light;
    open_turns(&f);
    make(&f, &heavy, "cl-heavy", 'h');
    make(&f, &light, "cl-light", 'l');
    CHECK(burn(&heavy)); /* first in the line */
    touch(&light);
    wrn_turn_wait(&light.turn);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    CHECK_STR(f.order, "lh");
    close_turns(&f);
}

/* Two sources of an owner, of which `heavy` has used it up, and waits; somebody else wants the loop as well. */
static void open_heavy(fixture *f, source *heavy, source *same, source *light) {
    open_turns(f);
    make(f, heavy, "cl-heavy", 'h');
    make(f, same, "cl-heavy", 's');
    make(f, light, "cl-light", 'l');
    CHECK(burn(heavy));
    touch(light);
}

TEST(sources_of_a_heavy_owner_wait_for_each_other) {
    fixture f;
    source heavy, same, light;
    open_heavy(&f, &heavy, &same, &light);
    wrn_turn_begin(&same.turn);
    CHECK(wrn_turn_is_over(&same.turn)); /* it has done nothing, but its owner has */
    CHECK(wrn_turn_end(&same.turn));
    uv_run(&f.loop, UV_RUN_DEFAULT);
    CHECK_STR(f.order, "hs");
    close_turns(&f);
}

TEST(a_source_of_a_heavy_owner_waits_before_it_reads) {
    fixture f;
    source heavy, same, light;
    open_heavy(&f, &heavy, &same, &light);
    CHECK(!wrn_turn_comes_later(&light.turn));
    CHECK(wrn_turn_comes_later(&same.turn));
    uv_run(&f.loop, UV_RUN_DEFAULT);
    CHECK_STR(f.order, "hs");
    for (int i = 0; i < 2; i++) CHECK(burn(&heavy)); /* the first time is accounted for by then */
    CHECK(!wrn_turn_comes_later(&same.turn));        /* it has waited, and is not sent away again */
    close_turns(&f);
}

TEST(new_connections_do_not_wait_for_strangers) {
    fixture f;
    source strangers[3], newcomer;
    open_turns(&f);
    for (int i = 0; i < 3; i++) make(&f, &strangers[i], "", 's'), wrn_turn_wait(&strangers[i].turn);
    make(&f, &newcomer, "", 'n');
    newcomer.turn.is_new = true;
    wrn_turn_wait(&newcomer.turn);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    CHECK_STR(f.order, "snss");
    close_turns(&f);
}

TEST(a_cancelled_turn_never_goes_on) {
    fixture f;
    source a, b, c;
    open_turns(&f);
    make(&f, &a, "cl-a", 'a');
    make(&f, &b, "cl-a", 'b');
    make(&f, &c, "cl-c", 'c');
    wrn_turn_wait(&a.turn);
    wrn_turn_wait(&b.turn);
    wrn_turn_wait(&c.turn);
    wrn_turn_cancel(&c.turn);
    wrn_turn_cancel(&b.turn);
    wrn_turn_wait(&b.turn);
    wrn_turn_cancel(&a.turn);
    wrn_turn_cancel(&a.turn); /* nothing to cancel */
    uv_run(&f.loop, UV_RUN_DEFAULT);
    CHECK_STR(f.order, "b");
    close_turns(&f);
}

TEST(a_waiting_turn_can_change_its_owner) {
    fixture f;
    source a, b;
    open_turns(&f);
    make(&f, &a, "", 'a');
    make(&f, &b, "", 'b');
    wrn_turn_wait(&a.turn);
    wrn_turn_wait(&b.turn);
    wrn_turn_set_owner(&a.turn, "cl-a");
    uv_run(&f.loop, UV_RUN_DEFAULT);
    CHECK_STR(f.order, "ba");
    close_turns(&f);
}

TEST_MAIN
