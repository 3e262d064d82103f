// SPDX-License-Identifier: GPL-2.0
/*
 * Any bytes as an interposetab. ASan and UBSan judge, and besides: each line is
 * either taken or complained about, once; and what was taken, written anew, is
 * read as the same. For libFuzzer, and for test-random-tab (random.c):
 *
 *	clang -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Ilib \
 *		tests/fuzz-tab.c lib/interposetab.c
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "interposetab.h"

const char *const fuzz_samples[] = {
	"home UUID=12-ab pin,nofail era /dev/sdb1 %d 8192\n",
	"root /dev/vda initramfs snapshot-origin\n",
	"fast /dev/vda pin,replace-data cache /dev/vdb /dev/vdc %d 128 0 smq 0\n",
	"x LABEL=a\\x20b - linear %d 0 %n %%\n",
	"# comment\n",
	"\n",
	"y /dev/mapper/vg-lv noauto,defaults delay %d 0 5\n",
	"home PARTUUID=1 - linear\n",
	"z PARTLABEL=",
	"f LABEL=h pin,series=0a1b2c3d-0815-4711-8842-5566778899aa era FILE=/srv/a\\x20b%c %d 128\n",
	"o UUID=1 nofail,pin era OWN=/a\\x20b %d 128\n",
	" - \t pin",
};

const size_t n_fuzz_samples = sizeof(fuzz_samples) / sizeof(*fuzz_samples);

static void claim(bool holds)
{
	if (!holds)
		abort();
}

static void count(const char *what, void *data)
{
	size_t *n = data;

	claim(!strncmp(what, "tab:", 4) && strstr(what, "; ") &&
	      !strchr(what, '\n'));
	++*n;
}

static void read_anew(const struct tab_entry *entry)
{
	char text[3 * TAB_LINE_MAX];
	size_t n, complaints = 0;
	struct tab tab;
	FILE *file;

	n = snprintf(text, sizeof(text), "%s %s -%s%s%s%s%s%s%s", entry->name,
		     entry->device, entry->noauto ? ",noauto" : "",
		     entry->nofail ? ",nofail" : "", entry->pin ? ",pin" : "",
		     entry->initramfs ? ",initramfs" : "",
		     entry->replace_data ? ",replace-data" : "",
		     entry->series ? ",series=" : "", entry->series ?: "");
	if (entry->noauto || entry->nofail || entry->pin ||
	    entry->initramfs || entry->replace_data || entry->series)
		*strstr(text + strlen(entry->name) + strlen(entry->device),
			"-,") = ',';
	for (unsigned int i = 0; i < entry->n_args; i++)
		n += snprintf(text + n, sizeof(text) - n, " %s", entry->args[i]);
	claim(n < sizeof(text));
	file = fmemopen(text, n, "r");
	claim(tab_read(file, "tab", count, &complaints, &tab));
	fclose(file);
	/* with one blank for each, or more, it may have become longer */
	if (n <= TAB_LINE_MAX) {
		claim(tab.n == 1 && !complaints);
		claim(!strcmp(tab.v[0].name, entry->name) &&
		      !strcmp(tab.v[0].device, entry->device) &&
		      tab.v[0].n_args == entry->n_args &&
		      tab.v[0].pin == entry->pin &&
		      tab.v[0].noauto == entry->noauto &&
		      tab.v[0].nofail == entry->nofail &&
		      tab.v[0].replace_data == entry->replace_data &&
		      !tab.v[0].series == !entry->series &&
		      (!entry->series || !strcmp(tab.v[0].series, entry->series)) &&
		      tab.v[0].initramfs == entry->initramfs);
	}
	tab_free(&tab);
}

/* A path that is read is written so that it is read as the same */
static void use_file(const char *file, bool own)
{
	char path[TAB_LINE_MAX], again[TAB_LINE_MAX], word[4 * TAB_LINE_MAX];

	claim(tab_file(file, path, sizeof(path)) && tab_file_is_good(path));
	claim(own ? tab_own_word(path, word, sizeof(word)) && tab_is_own(word) :
	      tab_file_word(path, word, sizeof(word)) && tab_is_file(word));
	claim(!word[strcspn(word, " \t\r\n\v\f%")]);
	claim(tab_file(word, again, sizeof(again)) && !strcmp(path, again));
}

static void use(const struct tab_entry *entry)
{
	char path[TAB_PATH_MAX], small[16];

	if (tab_file_of(entry))
		use_file(tab_file_of(entry), false);
	if (tab_own_of(entry))
		use_file(tab_own_of(entry), true);
	tab_unit(entry->device, "device", small, sizeof(small));
	tab_path(entry->device, small, sizeof(small));
	claim(tab_path(entry->device, path, sizeof(path)));
	for (unsigned int i = 0; i < entry->n_args; i++) {
		tab_argument(entry->args[i], path, 1, small, sizeof(small));
		tab_unit(entry->args[i], "mount", small, sizeof(small));
	}
}

static size_t lines_that_say_something(const char *text, size_t size)
{
	static const char blanks[] = " \t\r\v\f";
	size_t n = 0, length;

	for (const char *end = text + size; text < end; text += length + 1) {
		const char *newline = memchr(text, '\n', end - text);
		const char *at = text;

		length = newline ? newline - text : end - text;
		while (at < text + length && *at && strchr(blanks, *at))
			at++;
		if (memchr(text, '\0', length))
			n++;
		else if (at < text + length && *at != '#')
			n++;
	}
	return n;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	FILE *file = size ? fmemopen((void *)data, size, "r") : NULL;
	size_t complaints = 0;
	struct tab tab;

	if (!file)
		return 0;
	claim(tab_read(file, "tab", count, &complaints, &tab));
	fclose(file);
	claim(tab.n_bad == complaints);
	claim(tab.n + tab.n_bad ==
	      lines_that_say_something((const char *)data, size));
	for (size_t i = 0; i < tab.n; i++) {
		claim(tab_find(&tab, tab.v[i].name) == &tab.v[i]);
		read_anew(&tab.v[i]);
		use(&tab.v[i]);
	}
	tab_free(&tab);
	return 0;
}
