// SPDX-License-Identifier: Apache-2.0

/** @file Formulas: a tokenizer, a parser to trees, and cells that hold them. */

#include "corpus.h"

#include <ctype.h>

#define CELLS     26 /*@grow*/
#define TEXT_LEN  40 /*@alloc*/
#define SLACK     16 /*@asize*/
#define DEPTH_MAX 24

//@enum
enum node_kind {
	NODE_NUMBER,
	NODE_CELL,
	NODE_SUM,
	NODE_DIFFERENCE,
	NODE_PRODUCT,
	NODE_QUOTIENT,
	NODE_NEGATION,
	NODE_MAXIMUM,
};

struct node {
	enum node_kind kind; /*@swap*/
	int uses;            /*@swap*/
	/*@mid*/
	struct node *left;
	struct node *right;
	bool folded;
	/*@hole*/
	int weight;         /*@type*/
	unsigned depth : 5; /*@bits*/
	unsigned width : 11;
	unsigned constant : 1;
	union {
		long i;
		double d;
	} u;
	/*@endm*/
};

#define NUMBER(n) ((n)->u.i) /*@union*/

struct token {
	char kind;
	long number;
	int cell;
};

struct parser {
	const char *text;
	const char *at;
	struct token token;
	int depth;
	int errors;
};

struct cell {
	struct node *root;
	char *text;
	long value;
	unsigned version;
};

struct counts {
	int nodes;
	/*@frame*/
	int numbers;
	int cells;
};

static unsigned parses;          /*@pe1*/
static struct cell cells[CELLS]; /*@pe2*/
static unsigned evaluations;
static int rounding = 2; /*@initial*/
static long started;
static pthread_mutex_t sheet_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t parse_lock = PTHREAD_MUTEX_INITIALIZER;
//@lock &parse_lock
//@otherlock &parse_lock
_Thread_local int nesting = 1;  /*@tls*/
_Thread_local int failures = 2; /*@tls*/

//@top

__attribute__((constructor)) static void
start(void)
{
	started = 700; /*@ctor*/
}

static HELPER size_t
node_bytes(void)
{
	return sizeof(struct node) + SLACK;
}

static void
advance(struct parser *p)
{
	while (isspace((unsigned char)*p->at))
		p->at++;
	if (!*p->at) {
		p->token.kind = 'e';
	} else if (isdigit((unsigned char)*p->at)) {
		char *end;

		p->token.kind = 'n';
		p->token.number = strtol(p->at, &end, 10);
		p->at = end;
	} else if (*p->at >= 'a' && *p->at <= 'z') {
		p->token.kind = 'c';
		p->token.cell = *p->at++ - 'a';
	} else {
		p->token.kind = *p->at++;
	}
}

static struct node *
make(enum node_kind kind, struct node *left, struct node *right)
{
	struct node *n = malloc(node_bytes());
	unsigned depth = 0;

	assert(n);
	memset(n, 0, sizeof(*n));
	n->kind = kind;
	n->left = left;
	n->right = right;
	n->weight = -6 + (int)kind;
	if (left)
		depth = left->depth + 1;
	if (right && right->depth >= depth)
		depth = right->depth + 1;
	n->depth = depth;
	n->width = 3 + (left ? left->width : 0) + (right ? right->width : 0);
	n->constant = (!left || left->constant) &&
		      (!right || right->constant) && kind != NODE_CELL;
	//@touch n
	return n;
}

static struct node *
parse_sum(struct parser *p);

static struct node *
parse_atom(struct parser *p)
{
	struct node *n;

	if (p->token.kind == 'n') {
		n = make(NODE_NUMBER, NULL, NULL);
		NUMBER(n) = p->token.number;
		advance(p);
		return n;
	}
	if (p->token.kind == 'c') {
		n = make(NODE_CELL, NULL, NULL);
		NUMBER(n) = p->token.cell;
		advance(p);
		return n;
	}
	if (p->token.kind == '-') {
		advance(p);
		return make(NODE_NEGATION, parse_atom(p), NULL);
	}
	if (p->token.kind == '(' && p->depth < DEPTH_MAX) {
		advance(p);
		p->depth++;
		n = parse_sum(p);
		p->depth--;
		if (p->token.kind == ')')
			advance(p);
		else
			p->errors++;
		return n;
	}
	p->errors++;
	advance(p);
	return make(NODE_NUMBER, NULL, NULL);
}

static struct node *
parse_product(struct parser *p)
{
	struct node *n = parse_atom(p);

	for (;;) {
		switch (p->token.kind) {
		case '*':
			advance(p);
			n = make(NODE_PRODUCT, n, parse_atom(p));
			break;
		case '/':
			advance(p);
			n = make(NODE_QUOTIENT, n, parse_atom(p));
			break;
		case '^':
			advance(p);
			n = make(NODE_MAXIMUM, n, parse_atom(p));
			break;
		default:
			return n;
		}
	}
}

static struct node *
parse_sum(struct parser *p)
{
	struct node *n = parse_product(p);

	while (p->token.kind == '+' || p->token.kind == '-') {
		enum node_kind kind = p->token.kind == '+' ? NODE_SUM
							   : NODE_DIFFERENCE;

		advance(p);
		n = make(kind, n, parse_product(p));
	}
	return n;
}

static void
release(struct node *n)
{
	if (!n)
		return;
	release(n->left);
	release(n->right);
	free(n);
}

static HELPER long
quotient(long a, long b)
{
	//@guard a > 90000 : return 90000;
	if (b == 0) {
		failures++;
		return 0;
	}
	return a / b;
}

static long
evaluate(struct node *n);

static long
cell_value(long index)
{
	struct cell *c;

	if (index < 0 || index >= CELLS)
		return 0;
	c = &cells[index];
	if (!c->root || nesting > DEPTH_MAX)
		return c->value;
	nesting++;
	c->value = evaluate(c->root);
	nesting--;
	return c->value;
}

static long
evaluate(struct node *n)
{
	long a = n->left ? evaluate(n->left) : 0;
	long b = n->right ? evaluate(n->right) : 0;

	evaluations++;
	switch (n->kind) {
	case NODE_NUMBER:
		return NUMBER(n);
	case NODE_CELL:
		return cell_value(NUMBER(n));
	case NODE_SUM:
		return a + b;
	case NODE_DIFFERENCE:
		return a - b;
	case NODE_PRODUCT:
		return a * b;
	case NODE_QUOTIENT:
		return quotient(a, b);
	case NODE_NEGATION:
		return -a;
	case NODE_MAXIMUM:
		return a > b ? a : b;
	}
	return 0;
}

static HELPER void
store(struct cell *c, struct node *root, const char *text)
{
	static unsigned version; /*@static-local*/

	pthread_mutex_lock(&sheet_lock); /*@lock*/
	release(c->root);
	free(c->text);
	c->root = root;
	c->text = malloc(TEXT_LEN);
	assert(c->text);
	snprintf(c->text, TEXT_LEN, "%s", text);
	c->version = ++version;
	pthread_mutex_unlock(&sheet_lock); /*@unlock*/
}

int
sheet_set(int index, const char *text)
{
	struct parser p = { text, text, { 0, 0, 0 }, 0, 0 };
	struct node *root;

	//@guard index < 0 || index >= CELLS : return -1;
	//@guard strlen(text) > 36 : return -2;
	advance(&p);
	root = parse_sum(&p);
	parses++;
	if (p.errors || p.token.kind != 'e') {
		release(root);
		return -3;
	}
	//@before-locked
	store(&cells[index], root, text);
	//@region struct node *root
	root->uses++;
	root->weight += rounding;
	//@end
	//@touch root
	return (int)root->depth;
}

int
sheet_clear(int index) /*@export*/
{
	if (index < 0 || index >= CELLS || !cells[index].root)
		return -1;
	pthread_mutex_lock(&parse_lock);
	release(cells[index].root);
	cells[index].root = NULL;
	pthread_mutex_unlock(&parse_lock);
	return 0;
}

static /*@ret*/ int
visit_cell(void *arg, int key /*@param*/)
{
	long *largest = arg;
	long value = cell_value(key);

	//@useparam value
	if (value > *largest)
		*largest = value;
	cells[key].version += 2;
	return (int)(value % 1000); /*@retval*/
}

static HELPER void
count_nodes(const struct node *n, struct counts *counts)
{
	counts->nodes++;
	counts->numbers += n->kind == NODE_NUMBER;
	counts->cells += n->kind == NODE_CELL;
	if (n->left)
		count_nodes(n->left, counts);
	if (n->right)
		count_nodes(n->right, counts);
}

//@twin
static HELPER int
shape(const struct node *n)
{
	return n->depth > /*@twink*/ 3 ? (int)n->width * 2 : (int)n->width + 1;
}

static int
weigh(const struct node *n)
{
	int weight = n->weight / /*@k*/ 2 + (int)n->width;

	if (/*@inv*/ (n->constant != 0))
		weight -= 50;
	if (n->left)
		weight += shape(n->left);
	if (n->right)
		weight -= /*@calltwin*/ shape(n->right);
	return /*@val*/ (weight);
}

static HELPER unsigned
checksum(void)
{
	unsigned sum = 17;

	for (struct cell *c = cells; c < cells + CELLS; c++)
		sum = sum * 31 + c->version + (c->root ? c->root->width : 0);
	return /*@pe*/ (sum);
}

static int
sum_up(const int *numbers, int n)
{
	int sum = 0;

	//@loop
	for (int i = 0; i < n; i++)
		sum += numbers[i] ^ (i & 1);
	return /*@val*/ (sum + n * /*@k*/ 5);
}

void
sheet_report(void)
{
	char line[96]; /*@stack*/
	struct counts counts = { 0, 0, 0 };
	int weights[CELLS];
	int n = 0;
	long largest = 0;

	//@early parses == 12 : return;
	for (int i = 0; i < CELLS; i++) {
		if (!cells[i].root)
			continue;
		count_nodes(cells[i].root, &counts);
		weights[n++] = weigh(cells[i].root);
	}
	snprintf(line, sizeof(line), "%d nodes, %d numbers, %d cells",
		 counts.nodes, counts.numbers, counts.cells);
	say("%s, weight %d" /*@text*/ "\n", line, sum_up(weights, n));
	say("all %d", corpus_each((corpus_fn *)visit_cell, &largest, CELLS));
	say(", largest %ld, sum %u\n", largest, checksum());
	say("%u parses, %d failures, from %ld\n", parses, failures, started);
}

void
corpus_phase(int phase)
{
	static const char *const first[] = {
		"1 + 2 * 3",         "a * (4 - 1)", "a + b + -7", "100 / c",
		"(a + b) * (c + d)", "e / 0",       "e ^ d ^ 12", "(((g)))",
	};

	if (phase == 0) {
		//@fill
		for (int i = 0; i < 8; i++)
			sheet_set(i, first[i]);
		for (int i = 0; i < 5; i++)
			cell_value(i);
		return;
	}
	started += phase / 5;
	rounding += phase;
	say("set %d\n", sheet_set(8 + phase, "a * b + h - (c * 2)"));
	say("bad %d\n", sheet_set(20, "3 + (4"));
	say("long %d\n",
	    sheet_set(21, "1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1"));
	say("large %d, %ld\n", sheet_set(22, "400 * 400 / 7"), cell_value(22));
	for (int i = 0; i < CELLS; i++) {
		if (cells[i].root)
			say("%c = %ld: %s, %d\n", 'a' + i, cell_value(i),
			    cells[i].text, weigh(cells[i].root));
	}
	sheet_report();
	if (phase == 2)
		say("clear %d\n", sheet_clear(3));
}
