// SPDX-License-Identifier: GPL-2.0
/*
 * Ten thousand points for "changed": own ones, foreign ones, of the future, from before
 * a gap, and words that are none. It is the whole program, in a world where in each era
 * something is written, so no list may be empty, and each must have all that was
 * written since its point. A seed as the argument repeats a run.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "call.h"
#include "continuity.h"
#include "stack.h"
#include "state.h"
#include "tap.h"

bool __wrap_stack_read(struct stack *stack);
void __wrap_stack_free(struct stack *stack);
bool __wrap_state_enter(bool changes, bool patient);
void __wrap_state_leave(void);
bool __wrap_map_message(const char *name, const char *message);
bool __wrap_sysfs_name(dev_t dev, char *name);
uint64_t __wrap_sysfs_sectors(const char *name);
void __wrap_device_node(const char *name, char *path, size_t size);
bool __wrap_record_begin(struct record *record, const char *name);
bool __wrap_record_undo_there(struct record *record, const char *format, ...);
bool __wrap_record_roll_back(struct record *record);
enum series_found __wrap_continuity_series(const struct interposer *ip, char *path,
					   size_t size, struct series *series);
bool __wrap_continuity_holds(const struct series *series, const struct interposer *ip,
			     char *why, size_t size);
bool __wrap_continuity_refresh(const struct interposer *ip, bool pinned);
FILE *__wrap_popen(const char *command, const char *mode);
int __wrap_pclose(FILE *file);

#define POINTS	10000
#define ERAS	300
#define BLOCKS	64
#define KIB	64			/* of a block */

/*
 * The world
 */

static struct {
	enum series_found found;
	struct series series;
	uint64_t current;
	bool holds;
	bool cut;			/* what era_invalidate prints */
	int invalidate_status;
	uint64_t last[BLOCKS];		/* the era in which each was written last */
} world;

static struct interposer interposer = {
	.map = { .name = "x", .exists = true },
	.table = { .inner = "era", .inner_args = "4000:3 4000:2 128" },
	.status = { .state = "attached", .inner = "era" },
	.has_status = true, .device = "fake", .shown = "/dev/fake",
};

static char inner_status[64];

static uint64_t number_below(uint64_t end)
{
	return ((uint64_t)rand() << 31 | (uint64_t)rand()) % end;
}

static bool one_in(unsigned int n)
{
	return !number_below(n);
}

static void new_world(void)
{
	memset(&world, 0, sizeof(world));
	for (int i = 0; i < SERIES_UUID; i++)
		world.series.uuid[i] = rand();
	world.found = one_in(8) ? SERIES_NONE : one_in(16) ? SERIES_DAMAGED :
		SERIES_GOOD;
	world.current = 1 + number_below(ERAS);
	world.holds = !one_in(16);
	/* the gap is the newest thing that has happened, or there was none */
	world.series.first = one_in(32) ? SERIES_NO_ERA : one_in(2) ? 0 :
		number_below(world.current + 2);
	strcpy(world.series.why, "it was mounted elsewhere");
	world.cut = one_in(16);
	world.invalidate_status = one_in(16) ? 256 : 0;
	for (uint64_t era = 1; era <= world.current; era++)
		world.last[number_below(BLOCKS)] = era;
	snprintf(inner_status, sizeof(inner_status), "8 10/1000 %" PRIu64 " -",
		 world.current);
	interposer.status.inner_status = inner_status;
}

bool __wrap_stack_read(struct stack *stack)
{
	memset(stack, 0, sizeof(*stack));
	stack->interposers = &interposer;
	stack->n_interposers = 1;
	return true;
}

void __wrap_stack_free(struct stack *stack)
{
	(void)stack;
}

bool __wrap_state_enter(bool changes, bool patient)
{
	(void)changes;
	(void)patient;
	return true;
}

void __wrap_state_leave(void)
{
}

bool __wrap_map_message(const char *name, const char *message)
{
	return !strcmp(name, "x") && !strcmp(message, "take_metadata_snap");
}

bool __wrap_sysfs_name(dev_t dev, char *name)
{
	snprintf(name, NAME_SIZE, "fake%u", minor(dev));
	return true;
}

uint64_t __wrap_sysfs_sectors(const char *name)
{
	(void)name;
	return BLOCKS * KIB * 2;
}

void __wrap_device_node(const char *name, char *path, size_t size)
{
	snprintf(path, size, "/dev/%s", name);
}

bool __wrap_record_begin(struct record *record, const char *name)
{
	(void)name;
	memset(record, 0, sizeof(*record));
	return true;
}

bool __wrap_record_undo_there(struct record *record, const char *format, ...)
{
	(void)record;
	(void)format;
	return true;
}

bool __wrap_record_roll_back(struct record *record)
{
	(void)record;
	return true;
}

enum series_found __wrap_continuity_series(const struct interposer *ip, char *path,
					   size_t size, struct series *series)
{
	(void)ip;
	snprintf(path, size, "/dev/fake3");
	*series = world.series;
	return world.found;
}

bool __wrap_continuity_holds(const struct series *series, const struct interposer *ip,
			     char *why, size_t size)
{
	(void)series;
	(void)ip;
	if (!world.holds)
		snprintf(why, size, "somebody else has attached it");
	return world.holds;
}

bool __wrap_continuity_refresh(const struct interposer *ip, bool pinned)
{
	(void)ip;
	(void)pinned;
	return true;
}

/* As era_invalidate prints it; it may be cut off at any byte but the last ones */
FILE *__wrap_popen(const char *command, const char *mode)
{
	static char text[BLOCKS * 64 + 64];
	const char *since = strstr(command, "--written-since ");
	uint64_t era = since ? strtoull(since + 16, NULL, 10) : UINT64_MAX;
	size_t n = sprintf(text, "<blocks>\n");

	(void)mode;
	for (int i = 0; i < BLOCKS; i++) {
		int from = i;

		if (!world.last[i] || world.last[i] < era)
			continue;
		while (i + 1 < BLOCKS && world.last[i + 1] && world.last[i + 1] >= era)
			i++;
		if (i == from)
			n += sprintf(text + n, "  <block block=\"%d\"/>\n", i);
		else
			n += sprintf(text + n, "  <range begin=\"%d\" end=\"%d\"/>\n",
				     from, i + 1);
	}
	if (world.cut)
		n = number_below(n) + 1;
	else
		n += sprintf(text + n, "</blocks>\n");
	return fmemopen(text, n, mode);
}

int __wrap_pclose(FILE *file)
{
	fclose(file);
	return world.invalidate_status;
}

/*
 * Points
 */

static void make(char *word, size_t size)
{
	uint64_t era = one_in(8) ? number_below(UINT64_MAX) :
		number_below(world.current + 20);
	unsigned char uuid[SERIES_UUID];
	char text[POINT_MAX];

	memcpy(uuid, world.series.uuid, sizeof(uuid));
	if (one_in(6))
		uuid[number_below(sizeof(uuid))] ^= 1 << number_below(8);
	series_uuid_text(uuid, text, sizeof(text));
	if (one_in(8))
		for (char *at = text; *at; at++)
			*at = toupper(*at);
	if (one_in(6))
		snprintf(word, size, "%" PRIu64, era);
	else
		snprintf(word, size, "%s:%s%" PRIu64, text, one_in(8) ? "000" : "", era);
	if (one_in(32)) /* as large as a number can be, and larger */
		strcat(word, "00000000000000000");
	for (unsigned int n = one_in(4) ? number_below(4) : 0; n; n--) {
		static const char odd[] = ":-+ \t0x9fF%n\n.eE\x80\xff";
		size_t at = number_below(strlen(word) + 1);

		if (one_in(2) && word[at])
			memmove(word + at, word + at + 1, strlen(word + at));
		else if (strlen(word) + 2 < size) {
			memmove(word + at + 1, word + at, strlen(word + at) + 1);
			word[at] = odd[number_below(sizeof(odd) - 1)];
		}
	}
}

/* What a point is, written anew, and without the functions of the program */
static bool is_number(const char *word, uint64_t *number)
{
	const char *digits = word + strspn(word, "0");
	size_t length = strlen(digits);

	if (!*word || strspn(word, "0123456789") != strlen(word) || length > 20 ||
	    (length == 20 && strcmp(digits, "18446744073709551615") > 0))
		return false;
	*number = 0;
	for (; *digits; digits++)
		*number = *number * 10 + *digits - '0';
	return *number;
}

enum kind { NO_POINT, FOREIGN, OWN, BARE };

static enum kind kind_of(const char *word, uint64_t *era)
{
	static const char pattern[] = "........-....-....-....-............:";
	char own[POINT_MAX];

	if (is_number(word, era))
		return BARE;
	for (size_t i = 0; pattern[i]; i++)
		if (pattern[i] == '.' ? !isxdigit((unsigned char)word[i]) :
		    word[i] != pattern[i])
			return NO_POINT;
	if (!is_number(word + strlen(pattern), era))
		return NO_POINT;
	series_uuid_text(world.series.uuid, own, sizeof(own));
	return strncasecmp(word, own, strlen(own)) ? FOREIGN : OWN;
}

static bool is_known(enum kind kind, uint64_t era)
{
	if (era > world.current)
		return false;
	if (world.found == SERIES_NONE)
		return kind == BARE;
	return world.found == SERIES_GOOD && world.holds && kind == OWN &&
	       era >= world.series.first;
}

/*
 * Asking
 */

struct answer {
	int status;
	char *list, *said;
};

static void ask(char *word, struct answer *answer)
{
	char *argv[] = { "interposectl", "changed", "--format", "ranges", "--since",
			 word, "x", NULL };
	FILE *out = stdout, *err = stderr;
	size_t size;

	stdout = open_memstream(&answer->list, &size);
	stderr = open_memstream(&answer->said, &size);
	memset(&options, 0, sizeof(options));
	optind = 0;
	answer->status = interposectl_main(7, argv);
	fclose(stdout);
	fclose(stderr);
	stdout = out;
	stderr = err;
}

static bool is_all_since(const char *list, uint64_t era)
{
	bool listed[BLOCKS] = { };
	unsigned long long start, length;
	int n;

	for (; sscanf(list, "%llu %llu\n%n", &start, &length, &n) == 2; list += n)
		for (start /= KIB * 1024, length /= KIB * 1024; length; length--)
			listed[start++ % BLOCKS] = true;
	for (int i = 0; i < BLOCKS; i++)
		if (listed[i] != (world.last[i] && world.last[i] >= era))
			return false;
	return !*list;
}

/* How often each was seen */
static unsigned int lists, refused, usage_errors, failed;

static bool is_right(char *word)
{
	uint64_t era = 0;
	enum kind kind = kind_of(word, &era);
	struct answer a;
	bool good;

	ask(word, &a);
	switch (a.status) {
	case DONE:
		good = is_known(kind, era) && *a.list && is_all_since(a.list, era) &&
			!world.cut && !world.invalidate_status;
		lists++;
		break;
	case NEEDS_FULL:
		good = kind != NO_POINT && !is_known(kind, era) && !*a.list &&
			strstr(a.said, "full backup needed: ");
		refused++;
		break;
	case FAILED:
		good = is_known(kind, era) && !*a.list && *a.said &&
			(world.cut || world.invalidate_status);
		failed++;
		break;
	default:
		good = a.status == USAGE && kind == NO_POINT && !*a.list && *a.said;
		usage_errors++;
	}
	if (!good)
		printf("# '%s': status %d\n# %s# %s", word, a.status, a.list, a.said);
	free(a.list);
	free(a.said);
	return good;
}

int main(int argc, char **argv)
{
	unsigned int seed = argc > 1 ? (unsigned int)atoi(argv[1]) :
			    (unsigned int)time(NULL);
	unsigned int wrong = 0;
	char word[160];

	printf("# seed %u\n", seed);
	fflush(stdout);
	srand(seed);
	for (int i = 0; i < POINTS; i++) {
		if (i % 10 == 0)
			new_world();
		make(word, sizeof(word));
		wrong += !is_right(word);
	}
	printf("# %u lists, %u refused, %u usage errors, %u failed\n", lists, refused,
	       usage_errors, failed);
	is("of ten thousand points each is answered with all that was written since, or not at all",
	   !wrong);
	is("there were some of each", lists > POINTS / 10 && refused > POINTS / 10 &&
	   usage_errors > POINTS / 20 && failed > POINTS / 100);
	return done();
}
