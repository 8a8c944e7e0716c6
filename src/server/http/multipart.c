#include "server/http/multipart.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

enum phase {
    PHASE_CONTENT,   /* of a part, or before the first */
    PHASE_DELIMITER, /* after a delimiter, which may still turn out to be content */
    PHASE_LINE,      /* the rest of its line */
    PHASE_DASH,      /* the first of two dashes */
    PHASE_PADDING,   /* white space */
    PHASE_LINE_FEED,
    PHASE_HEAD,
    PHASE_OVER,
    PHASE_BAD
};

static wrn_multipart_step multipart_bad(wrn_multipart *m, const char *why) {
    m->phase = PHASE_BAD;
    m->why = why;
    return WRN_MULTIPART_BAD;
}

/* ---- parameters of a field: "; name=value; name=\"value\"" ---- */

typedef struct parameter {
    const char *name;
    size_t name_size;
    char *value;
} parameter;

static char *skip_space(char *at) { return at + strspn(at, " \t"); }

static bool is_called(const parameter *p, const char *name) {
    return strlen(name) == p->name_size && strncasecmp(p->name, name, p->name_size) == 0;
}

/* Unquotes in place. Returns what follows the closing quote; NULL when there is none. Only quotes and backslashes are
 * escaped: browsers do not escape the backslashes of a path. */
static char *unquote(char *at) {
    char *to = at;
    for (; *at && *at != '"'; at++) {
        if (*at == '\\' && (at[1] == '"' || at[1] == '\\')) at++;
        *to++ = *at;
    }
    if (!*at) return NULL;
    *to = '\0';
    return at + 1;
}

/* Reads the parameter after a semicolon. Returns what follows the next semicolon; NULL when it is malformed. */
static char *take_parameter(char *at, parameter *p) {
    p->name = at = skip_space(at);
    p->name_size = wrn_token_size(at);
    at += p->name_size;
    if (!p->name_size || *at != '=') return NULL;
    bool quoted = at[1] == '"';
    p->value = at + 1 + quoted;
    at = quoted ? unquote(p->value) : p->value + strcspn(p->value, "; \t");
    if (!at || (!quoted && at == p->value)) return NULL;
    char *end = at;
    at = skip_space(at);
    if (*at && *at != ';') return NULL;
    bool more = *at == ';';
    if (!quoted) *end = '\0';
    return at + more;
}

/* Returns what follows the first semicolon; NULL unless the part before is `type`. */
static char *expect_type(char *value, const char *type) {
    size_t size = strcspn(value, "; \t");
    char *rest = skip_space(value + size);
    if (size != strlen(type) || strncasecmp(value, type, size) != 0 || (*rest && *rest != ';')) return NULL;
    return rest + (*rest == ';');
}

/* ---- beginning ---- */

static bool take_boundary(wrn_multipart *m, const char *boundary) {
    size_t size = strlen(boundary);
    if (m->delimiter_size || !size || size > WRN_BOUNDARY_MAX || boundary[size - 1] == ' ' ||
        strspn(boundary, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'()+_,-./:=? ") != size)
        return false;
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary, size);
    m->delimiter_size = 4 + size;
    return true;
}

bool wrn_multipart_init(wrn_multipart *m, const char *content_type) {
    /* The form may begin with a delimiter, without the line break before it. */
    *m = (wrn_multipart){.name = "", .matched = 2, .assumed = 2, .head = WRN_BUF_LIMITED(WRN_PART_HEAD_MAX)};
    WRN_AUTO(wrn_buf_free) wrn_buf copy = WRN_BUF_INIT;
    wrn_buf_puts(&copy, content_type ? content_type : "");
    char *at = expect_type(copy.data, "multipart/form-data");
    m->why = "Content-Type must be multipart/form-data with a boundary";
    if (!at) return false;
    m->why = "the boundary in Content-Type is malformed";
    for (parameter p; *skip_space(at);) {
        at = take_parameter(at, &p);
        if (!at || (is_called(&p, "boundary") && !take_boundary(m, p.value))) return false;
    }
    return m->delimiter_size > 0;
}

void wrn_multipart_free(wrn_multipart *m) { wrn_buf_free(&m->head); }

/* ---- the head of a part ---- */

static bool take_disposition(wrn_multipart *m, char *value) {
    char *at = expect_type(value, "form-data");
    bool named = false;
    if (!at) return false;
    for (parameter p; *skip_space(at);) {
        at = take_parameter(at, &p);
        if (!at) return false;
        if (is_called(&p, "filename") || is_called(&p, "filename*")) m->has_filename = true;
        if (!is_called(&p, "name")) continue;
        if (named) return false;
        named = true;
        m->name = p.value;
    }
    return true;
}

/* Reads "Name: value". What is wrong with it, or NULL. */
static const char *take_line(wrn_multipart *m, char *line, bool *disposed) {
    size_t size = wrn_token_size(line);
    if (!size || line[size] != ':') return "the head of a part is malformed";
    char *value = skip_space(line + size + 1);
    if (size == strlen("content-disposition") && strncasecmp(line, "content-disposition", size) == 0) {
        if (*disposed || !take_disposition(m, value)) return "a part has a malformed Content-Disposition";
        *disposed = true;
    }
    /* Obsolete. To ignore it would be to store the encoded content. */
    if (size == strlen("content-transfer-encoding") && strncasecmp(line, "content-transfer-encoding", size) == 0 &&
        (strncasecmp(value, "base64", 6) == 0 || strncasecmp(value, "quoted-printable", 16) == 0))
        return "a part has a Content-Transfer-Encoding; send its content without";
    return NULL;
}

static wrn_multipart_step multipart_take_head(wrn_multipart *m) {
    bool disposed = false;
    m->name = "";
    m->has_filename = false;
    for (char *line = m->head.data, *end; line[0] != '\r' || line[1] != '\n'; line = end + 2) {
        end = strstr(line, "\r\n");
        *end = '\0';
        const char *why = take_line(m, line, &disposed);
        if (why) return multipart_bad(m, why);
    }
    m->phase = PHASE_CONTENT;
    m->in_part = true;
    /* In a part without content, the line break that ends the head also begins the delimiter. */
    m->matched = m->assumed = 2;
    return WRN_MULTIPART_PART;
}

static wrn_multipart_step multipart_feed_head(wrn_multipart *m, const char *data, size_t size, size_t *used) {
    wrn_buf *head = &m->head;
    while (*used < size) {
        const char *at = data + *used, *end = memchr(at, '\n', size - *used);
        size_t more = end ? (size_t)(end - at) + 1 : size - *used;
        wrn_buf_put(head, at, more);
        *used += more;
        if (head->failed) return multipart_bad(m, "the head of a part is too long");
        const char *last = head->data + head->size;
        if (memchr(at, '\0', more) || (end && (head->size < 2 || last[-2] != '\r')))
            return multipart_bad(m, "the head of a part is malformed");
        if (!end) continue;
        if (head->size == 2 || (head->size >= 4 && memcmp(last - 4, "\r\n\r\n", 4) == 0)) return multipart_take_head(m);
    }
    return WRN_MULTIPART_MORE;
}

/* ---- content ---- */

static wrn_multipart_step piece(wrn_multipart *m, const char *data, size_t size) {
    m->piece = data;
    m->piece_size = size;
    return WRN_MULTIPART_PIECE;
}

/* What looked like the beginning of a delimiter is content. */
static wrn_multipart_step multipart_release(wrn_multipart *m) {
    size_t from = m->assumed, size = m->matched - from;
    m->phase = PHASE_CONTENT;
    m->matched = m->assumed = 0;
    return m->in_part && size ? piece(m, m->delimiter + from, size) : WRN_MULTIPART_MORE;
}

static size_t common_size(const char *a, const char *b, size_t max) {
    size_t size = 0;
    while (size < max && a[size] == b[size]) size++;
    return size;
}

/* The size of the content before the next possible delimiter. A delimiter has no other carriage return. */
static size_t content_size(const wrn_multipart *m, const char *data, size_t size) {
    for (size_t at = 0; at < size; at++) {
        const char *found = memchr(data + at, '\r', size - at);
        if (!found) break;
        at = (size_t)(found - data);
        size_t max = m->delimiter_size < size - at ? m->delimiter_size : size - at;
        if (common_size(m->delimiter, found, max) == max) return at;
    }
    return size;
}

static wrn_multipart_step feed_content(wrn_multipart *m, const char *data, size_t size, size_t *used) {
    const char *at = data + *used;
    size_t left = size - *used;
    if (!m->matched) {
        size_t content = content_size(m, at, left);
        *used += content;
        if (content) return m->in_part ? piece(m, at, content) : WRN_MULTIPART_MORE;
    }
    size_t wanted = m->delimiter_size - m->matched;
    size_t same = common_size(m->delimiter + m->matched, at, wanted < left ? wanted : left);
    m->matched += same;
    *used += same;
    if (same == wanted) m->phase = PHASE_DELIMITER;
    else if (same < left) return multipart_release(m);
    return WRN_MULTIPART_MORE;
}

/* ---- the rest of a delimiter's line ---- */

/* A longer line that begins like the delimiter is content. */
static wrn_multipart_step feed_delimiter(wrn_multipart *m, char c) {
    if (!strchr("- \t\r", c) || !c) return multipart_release(m);
    m->phase = PHASE_LINE;
    if (!m->in_part) return WRN_MULTIPART_MORE;
    m->in_part = false;
    return WRN_MULTIPART_PART_END;
}

static wrn_multipart_step feed_line(wrn_multipart *m, char c) {
    bool space = c == ' ' || c == '\t';
    if (m->phase == PHASE_LINE && c == '-') {
        m->phase = PHASE_DASH;
    } else if (m->phase == PHASE_DASH && c == '-') {
        m->phase = PHASE_OVER;
        return WRN_MULTIPART_END;
    } else if ((m->phase == PHASE_LINE || m->phase == PHASE_PADDING) && (space || c == '\r')) {
        m->phase = space ? PHASE_PADDING : PHASE_LINE_FEED;
    } else if (m->phase == PHASE_LINE_FEED && c == '\n') {
        m->phase = PHASE_HEAD;
        wrn_buf_clear(&m->head);
    } else {
        return multipart_bad(m, "a boundary is followed by something else on its line");
    }
    return WRN_MULTIPART_MORE;
}

wrn_multipart_step wrn_multipart_feed(wrn_multipart *m, const char *data, size_t size, size_t *used) {
    wrn_multipart_step step = WRN_MULTIPART_MORE;
    *used = 0;
    while (step == WRN_MULTIPART_MORE && *used < size) {
        switch (m->phase) {
        case PHASE_CONTENT: step = feed_content(m, data, size, used); break;
        case PHASE_DELIMITER: step = feed_delimiter(m, data[*used]); break;
        case PHASE_HEAD: step = multipart_feed_head(m, data, size, used); break;
        case PHASE_OVER: *used = size; break;
        case PHASE_BAD: return WRN_MULTIPART_BAD;
        default: step = feed_line(m, data[(*used)++]); break;
        }
    }
    return step;
}
