// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "interposetab.h"
#include "tap.h"

static char said[4096];

static void note(const char *what, void *data)
{
	size_t n = strlen(said);

	(void)data;
	snprintf(said + n, sizeof(said) - n, "%s\n", what);
}

static bool read_bytes(const char *text, size_t size, struct tab *tab)
{
	FILE *file = fmemopen((void *)text, size, "r");
	bool good;

	*said = '\0';
	good = tab_read(file, "tab", note, NULL, tab);
	fclose(file);
	return good;
}

static bool read_text(const char *text, struct tab *tab)
{
	return read_bytes(text, strlen(text), tab);
}

static void good_lines(void)
{
	const struct tab_entry *entry;
	struct tab tab;

	is("a file is read", read_text(
		"# comment\n"
		"\n"
		" \t # another one\n"
		"home UUID=12-ab pin,nofail era\t/dev/sdb1   %d 8192\n"
		"  x:1_.-  /dev/vda\t- snapshot-origin\n"
		"late /dev/vdb noauto,defaults,replace-data linear %d 0 # 1\n"
		"root LABEL=r initramfs linear %d 0", &tab));
	is("nothing is said about it", !*said && !tab.n_bad);
	is("all lines are there", tab.n == 4);
	if (tab.n != 4)
		return;
	entry = tab_find(&tab, "home");
	is("one is found by its name", entry == &tab.v[0]);
	is("it has its line number", entry->line == 4);
	is("its device", !strcmp(entry->device, "UUID=12-ab"));
	is("its options", entry->pin && entry->nofail && !entry->noauto &&
	   !entry->initramfs);
	is("its target and arguments", entry->n_args == 4 &&
	   !strcmp(entry->args[0], "era") && !strcmp(entry->args[3], "8192"));
	is("a dash is no option", !tab.v[1].pin && !tab.v[1].noauto);
	is("blanks before the name do not count",
	   !strcmp(tab.v[1].name, "x:1_.-"));
	is("noauto and replace-data", tab.v[2].noauto &&
	   tab.v[2].replace_data && !tab.v[0].replace_data);
	is("a # within a line is an argument",
	   !strcmp(tab.v[2].args[3], "#"));
	is("initramfs, in a line without a newline", tab.v[3].initramfs);
	is("what is not there is not found", !tab_find(&tab, "hom"));
	tab_free(&tab);
}

/* Each stands between two good ones */
static void bad_lines(void)
{
	static const struct {
		const char *line;
		const char *text;
	} cases[] = {
		{ "x", "tab:2: the device is missing" },
		{ "x /dev/vdc", "tab:2: the OPTIONS field (- for none) is missing" },
		{ "x /dev/vdc -", "tab:2: the target is missing" },
		{ "-x /dev/vdc - linear", "'-x' is not a valid name; use" },
		{ ".x /dev/vdc - linear", "'.x' is not a valid name" },
		{ "x/y /dev/vdc - linear", "'x/y' is not a valid name" },
		{ "x@y /dev/vdc - linear", "'x@y' is not a valid name" },
		{ "x\\y /dev/vdc - linear", "is not a valid name" },
		{ "x%y /dev/vdc - linear", "is not a valid name" },
		{ "\xc3\xa4 /dev/vdc - linear", "is not a valid name" },
		{ "x vdc - linear", "'vdc' is not a device; write it as" },
		{ "x /dev/ - linear", "'/dev/' is not a device" },
		{ "x UUID= - linear", "'UUID=' is not a device" },
		{ "x FOO=1 - linear", "'FOO=1' is not a device" },
		{ "x /dev/vdc foo linear", "unknown option 'foo'; valid options are" },
		{ "x /dev/vdc pin,foo linear", "unknown option 'foo'" },
		{ "x /dev/vdc noauto,initramfs linear", "cannot be used together" },
		{ "x /dev/vdc series=1 era", "series=1 does not name a series; write" },
		{ "x /dev/vdc series=0a1b2c3d-0815-4711-8842-5566778899ag era", "does not name a series" },
		{ "x /dev/vdc - era FILE=a %d 128", "'FILE=a' is not a file; write" },
		{ "x /dev/vdc - era FILE=/ %d 128", "'FILE=/' is not a file" },
		{ "x /dev/vdc - era FILE=/a\\40 %d 128", "is not a file" },
		{ "x /dev/vdc - era FILE=/a\\x0a %d 128", "is not a file" },
		{ "x /dev/vdc - era FILE=/a\"b %d 128", "is not a file" },
		{ "x /dev/vdc - era %d FILE=/a 128", "only the metadata of era can be in a file" },
		{ "x /dev/vdc - cache FILE=/a %d 128", "only the metadata of era can be in a file" },
		{ "x /dev/vdc initramfs era FILE=/a %d 128", "in the initramfs no file system is mounted" },
		{ "x /dev/vdc - era OWN=a %d 128", "'OWN=a' is not a file; write OWN=/path" },
		{ "x /dev/vdc - era %d OWN=/a 128", "only the metadata of era can be in a file" },
		{ "x /dev/vdc - linear OWN=/a 0", "only the metadata of era can be in a file" },
		{ "x /dev/vdc - linear %e", "'%e' has an unknown % sequence; use" },
		{ "x /dev/vdc - linear 1%", "'1%' has an unknown % sequence; use" },
		{ "x /dev/vdc - linear %%%", "'%%%' has an unknown % sequence" },
		{ "x /dev/vdc - interpose %d", "must not be interpose itself" },
		{ "a /dev/vdc - linear", "line 1 already uses the name a" },
		{ "x /dev/vda - linear", "line 1 already interposes /dev/vda" },
		{ "x\x01 /dev/vdc - linear", "tab:2: 'x?' is not a valid name" },
	};
	char text[512], claim[128];
	struct tab tab;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(text, sizeof(text), "a /dev/vda - linear\n%s\n"
			 "b /dev/vdb - linear\n", cases[i].line);
		read_text(text, &tab);
		snprintf(claim, sizeof(claim), "'%s' is left out alone",
			 cases[i].line[0] < ' ' ? "?" : cases[i].line);
		is(claim, tab.n == 2 && tab.n_bad == 1);
		is("why is said in one line, with what to do",
		   strstr(said, cases[i].text) && strstr(said, "; ") &&
		   strchr(said, '\n') == said + strlen(said) - 1);
		tab_free(&tab);
	}
}

static void odd_lines(void)
{
	static const char with_nul[] = "a /dev/vda - linear\nb /dev\0/vdb - x\nc /dev/vdc - linear\n";
	char text[TAB_LINE_MAX + 200] = "a /dev/vda - linear ";
	struct tab tab;
	size_t n;

	read_bytes(with_nul, sizeof(with_nul) - 1, &tab);
	is("a line with a NUL is left out", tab.n == 2 && tab.n_bad == 1);
	is("and its number is said", strstr(said, "tab:2: the line contains a NUL"));
	tab_free(&tab);
	n = strlen(text);
	memset(text + n, 'x', TAB_LINE_MAX);
	strcpy(text + n + TAB_LINE_MAX, "\nb /dev/vdb - linear\n");
	read_text(text, &tab);
	is("a line that is too long is left out", tab.n == 1 && tab.n_bad == 1);
	is("and how long it may be is said", strstr(said, "longer than 4096"));
	tab_free(&tab);
	strcpy(text, "a /dev/vda - linear");
	for (n = 0; n <= TAB_ARGS_MAX; n++)
		strcat(text, " 1");
	read_text(text, &tab);
	is("so is one with too many arguments", !tab.n && tab.n_bad == 1);
	tab_free(&tab);
	is("CR LF is an end of line", read_text("a /dev/vda - linear\r\n", &tab) &&
	   tab.n == 1 && tab.v[0].n_args == 1);
	tab_free(&tab);
}

static void paths(void)
{
	char path[64], unit[64], tight[8];

	is("a path is a path", tab_path("/dev/sda1", path, sizeof(path)) &&
	   !strcmp(path, "/dev/sda1"));
	is("UUID=", tab_path("UUID=1-a", path, sizeof(path)) &&
	   !strcmp(path, "/dev/disk/by-uuid/1-a"));
	is("PARTLABEL=", tab_path("PARTLABEL=a", path, sizeof(path)) &&
	   !strcmp(path, "/dev/disk/by-partlabel/a"));
	is("a slash in a label is written as udev does",
	   tab_path("LABEL=a/b", path, sizeof(path)) &&
	   !strcmp(path, "/dev/disk/by-label/a\\x2fb"));
	is("a label may be written so itself",
	   tab_path("LABEL=a\\x20b", path, sizeof(path)) &&
	   !strcmp(path, "/dev/disk/by-label/a\\x20b"));
	is("one that is too long is not cut",
	   !tab_path("LABEL=a", tight, sizeof(tight)));
	tab_unit("/dev/sda1", "device", unit, sizeof(unit));
	is("a unit", !strcmp(unit, "dev-sda1.device"));
	tab_unit("/dev/disk/by-uuid/1-a", "swap", unit, sizeof(unit));
	is("a unit with a dash",
	   !strcmp(unit, "dev-disk-by\\x2duuid-1\\x2da.swap"));
	tab_unit("//srv//.x/.y/", "mount", unit, sizeof(unit));
	is("dots and slashes", !strcmp(unit, "srv-.x-.y.mount"));
	tab_unit("/.x", "mount", unit, sizeof(unit));
	is("a dot at the begin", !strcmp(unit, "\\x2ex.mount"));
	is("one that is too long is not cut",
	   !tab_unit("/dev/sda1", "device", tight, sizeof(tight)));
	tab_unit("/", "mount", unit, sizeof(unit));
	is("the root", !strcmp(unit, "-.mount"));
}

static void files(void)
{
	const struct tab_entry *entry;
	char path[64], word[64], tight[8];
	struct tab tab;

	read_text("x /dev/vda pin,series=0a1b2c3d-0815-4711-8842-5566778899AA era FILE=/a\\x20b%c %d 128\n"
		  "y /dev/vdb - era /dev/vdc %d 128", &tab);
	is("a line with a file and a series", tab.n == 2 && !*said);
	entry = tab_find(&tab, "x");
	is("the series", entry && entry->series && !tab.v[1].series &&
	   !strcmp(entry->series, "0a1b2c3d-0815-4711-8842-5566778899AA"));
	is("the file", entry && tab_file_of(entry) && !tab_file_of(&tab.v[1]) &&
	   tab_file(tab_file_of(entry), path, sizeof(path)) &&
	   !strcmp(path, "/a b%c"));
	tab_free(&tab);
	is("it is written as one word, without a percent sign",
	   tab_file_word("/a b%c", word, sizeof(word)) &&
	   !strcmp(word, "FILE=/a\\x20b\\x25c"));
	is("and is read as the same", tab_file(word, path, sizeof(path)) &&
	   !strcmp(path, "/a b%c"));
	is("one that is too long is not cut", !tab_file("FILE=/abcdefg", tight,
	   sizeof(tight)) && !tab_file_word("/abcdefg", tight, sizeof(tight)));
	is("a file is no device", !tab_is_device("FILE=/a"));
	read_text("x /dev/vda pin,initramfs era OWN=/a\\x20b %d 128\n"
		  "y /dev/vdb - era FILE=/a %d 128", &tab);
	is("a file on the device itself, also in the initramfs",
	   tab.n == 2 && !*said && tab_own_of(&tab.v[0]) &&
	   !tab_own_of(&tab.v[1]) && !tab_file_of(&tab.v[0]));
	is("its path is read", tab.n == 2 &&
	   tab_file(tab_own_of(&tab.v[0]), path, sizeof(path)) &&
	   !strcmp(path, "/a b"));
	tab_free(&tab);
	is("and written", tab_own_word("/a b", word, sizeof(word)) &&
	   !strcmp(word, "OWN=/a\\x20b"));
}

static void arguments(void)
{
	char out[32];

	is("the device", tab_argument("%d", "/dev/vda", 7, out, sizeof(out)) &&
	   !strcmp(out, "/dev/vda"));
	is("its size", tab_argument("0:%n", "/dev/vda", 7, out, sizeof(out)) &&
	   !strcmp(out, "0:7"));
	is("a percent sign", tab_argument("5%%", "/dev/vda", 7, out, sizeof(out)) &&
	   !strcmp(out, "5%"));
	is("another device", tab_argument("LABEL=m", "/dev/vda", 7, out,
	   sizeof(out)) && !strcmp(out, "/dev/disk/by-label/m"));
	is("a path is taken as it is", tab_argument("/dev/a%b", "/dev/vda", 7,
	   out, sizeof(out)) && !strcmp(out, "/dev/a%b"));
	is("what is too long is not cut", !tab_argument("%d%d%d%d", "/dev/vda",
	   7, out, sizeof(out)));
}

int main(void)
{
	good_lines();
	bad_lines();
	odd_lines();
	paths();
	files();
	arguments();
	return done();
}
