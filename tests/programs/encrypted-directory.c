// SPDX-License-Identifier: GPL-2.0-only
/*
 * encrypted-directory DIRECTORY: from now on what is made in this empty
 * directory is encrypted (fscrypt, AES-256-XTS), with a key that is no secret.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/fscrypt.h>

#define KEY_SIZE	64

static int fail(const char *what)
{
	perror(what);
	return 1;
}

int main(int argc, char **argv)
{
	struct fscrypt_policy_v2 policy = {
		.version = FSCRYPT_POLICY_V2,
		.contents_encryption_mode = FSCRYPT_MODE_AES_256_XTS,
		.filenames_encryption_mode = FSCRYPT_MODE_AES_256_CTS,
		.flags = FSCRYPT_POLICY_FLAGS_PAD_32,
	};
	struct fscrypt_add_key_arg *key;
	int fd, i;

	if (argc != 2) {
		fprintf(stderr, "usage: encrypted-directory DIRECTORY\n");
		return 2;
	}
	fd = open(argv[1], O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fail(argv[1]);

	key = calloc(1, sizeof(*key) + KEY_SIZE);
	if (!key)
		return fail("calloc");
	key->key_spec.type = FSCRYPT_KEY_SPEC_TYPE_IDENTIFIER;
	key->raw_size = KEY_SIZE;
	for (i = 0; i < KEY_SIZE; i++)
		key->raw[i] = i * 7 + 1;
	if (ioctl(fd, FS_IOC_ADD_ENCRYPTION_KEY, key))
		return fail("FS_IOC_ADD_ENCRYPTION_KEY");

	memcpy(policy.master_key_identifier, key->key_spec.u.identifier,
	       sizeof(policy.master_key_identifier));
	if (ioctl(fd, FS_IOC_SET_ENCRYPTION_POLICY, &policy))
		return fail("FS_IOC_SET_ENCRYPTION_POLICY");
	return 0;
}
