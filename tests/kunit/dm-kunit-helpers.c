// SPDX-License-Identifier: GPL-2.0-only
/*
 * What KUnit tests of device-mapper targets need: dmsetup, by device-mapper's
 * ioctls, and a target to note what it is asked for. See dm-kunit-helpers.h.
 */
#include <kunit/resource.h>
#include <linux/device-mapper.h>
#include <linux/dm-ioctl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/major.h>
#include <linux/miscdevice.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>

#include "dm-kunit-helpers.h"

#define DM_MSG_PREFIX "kunit"

/*
 * The inner target "kunit": [<device> [<anything>...]]
 */

struct dm_kunit_inner dm_kunit_inner;
EXPORT_SYMBOL_GPL(dm_kunit_inner);

/**
 * struct inner_target - an instance
 *
 * @dev: the device, if it was given one
 * @lock: protects @bios
 * @bios: what it keeps
 */
struct inner_target {
	struct dm_dev *dev;
	spinlock_t lock; /* see above */
	struct bio_list bios;
};

static void inner_add(char *list, size_t size, const char *call)
{
	if (*list)
		strlcat(list, " ", size);
	strlcat(list, call, size);
}

static void inner_note(const char *call)
{
	inner_add(dm_kunit_inner.calls, sizeof(dm_kunit_inner.calls), call);
	if (current_gfp_context(GFP_KERNEL) & __GFP_IO)
		inner_add(dm_kunit_inner.with_io, sizeof(dm_kunit_inner.with_io),
			  call);
}

static int inner_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct inner_target *it;
	unsigned int i;
	int r;

	inner_note("ctr");
	dm_kunit_inner.argc = argc;
	for (i = 0; i < min(argc, ARRAY_SIZE(dm_kunit_inner.argv)); i++)
		strscpy(dm_kunit_inner.argv[i], argv[i]);
	if (dm_kunit_inner.ctr_error) {
		ti->error = "Refused for a test";
		return dm_kunit_inner.ctr_error;
	}

	it = kzalloc(sizeof(*it), GFP_KERNEL);
	if (!it)
		return -ENOMEM;
	spin_lock_init(&it->lock);
	r = dm_get_device(ti, argv[0], dm_table_get_mode(ti->table), &it->dev);
	if (r) {
		ti->error = "No such device";
		kfree(it);
		return r;
	}
	dm_kunit_inner.ti = ti;
	ti->private = it;
	ti->num_flush_bios = 1;
	ti->num_discard_bios = 1;
	return 0;
}

static void inner_dtr(struct dm_target *ti)
{
	struct inner_target *it = ti->private;

	inner_note("dtr");
	dm_put_device(ti, it->dev);
	kfree(it);
}

static int inner_map(struct dm_target *ti, struct bio *bio)
{
	struct inner_target *it = ti->private;
	int r = DM_MAPIO_REMAPPED;
	bool hold;

	bio_set_dev(bio, it->dev->bdev);
	if (dm_kunit_inner.map)
		r = dm_kunit_inner.map(bio);

	spin_lock_irq(&it->lock);
	dm_kunit_inner.mapped++;
	if (r == DM_MAPIO_REMAPPED) {
		dm_kunit_inner.flags |= bio->bi_opf;
		dm_kunit_inner.clone = bio;
	}
	hold = dm_kunit_inner.hold && r == DM_MAPIO_REMAPPED;
	if (hold)
		bio_list_add(&it->bios, bio);
	spin_unlock_irq(&it->lock);

	return hold ? DM_MAPIO_SUBMITTED : r;
}

static void inner_presuspend(struct dm_target *ti)
{
	struct blk_interposer *ip = dm_kunit_inner.beneath->bd_interposer;
	struct inner_target *it = ti->private;
	struct bio *bio;
	struct bio_list bios;

	inner_note("presuspend");
	dm_kunit_inner.gate_at_presuspend = ip ? READ_ONCE(ip->state) : -1;

	spin_lock_irq(&it->lock);
	dm_kunit_inner.hold = false;
	bios = it->bios;
	bio_list_init(&it->bios);
	spin_unlock_irq(&it->lock);

	while ((bio = bio_list_pop(&bios))) {
		if (dm_kunit_inner.push_back) {
			bio->bi_status = BLK_STS_DM_REQUEUE;
			bio_endio(bio);
		} else {
			submit_bio_noacct(bio);
		}
	}
}

static void inner_postsuspend(struct dm_target *ti)
{
	inner_note("postsuspend");
}

static int inner_preresume(struct dm_target *ti)
{
	inner_note("preresume");
	return dm_kunit_inner.preresume_error;
}

static void inner_resume(struct dm_target *ti)
{
	inner_note("resume");
}

static void inner_status(struct dm_target *ti, status_type_t type,
			 unsigned int status_flags, char *result,
			 unsigned int maxlen)
{
	struct inner_target *it = ti->private;
	unsigned int sz = 0;

	switch (type) {
	case STATUSTYPE_INFO:
		DMEMIT("%u mapped", dm_kunit_inner.mapped);
		break;
	case STATUSTYPE_TABLE:
		DMEMIT("%s    more", it->dev->name);
		break;
	case STATUSTYPE_IMA: /* as most target types */
		*result = '\0';
		break;
	}
}

static int inner_message(struct dm_target *ti, unsigned int argc, char **argv,
			 char *result, unsigned int maxlen)
{
	inner_note(argv[0]);
	return 0;
}

static int inner_iterate_devices(struct dm_target *ti,
				 iterate_devices_callout_fn fn, void *data)
{
	struct inner_target *it = ti->private;

	return fn(ti, it->dev, 0, ti->len, data);
}

static void inner_io_hints(struct dm_target *ti, struct queue_limits *limits)
{
	if (dm_kunit_inner.block_size) {
		limits->logical_block_size = dm_kunit_inner.block_size;
		limits->physical_block_size = dm_kunit_inner.block_size;
		limits->io_min = dm_kunit_inner.block_size;
	}
}

static struct target_type inner_type = {
	.name			= "kunit",
	.features		= DM_TARGET_NOWAIT | DM_TARGET_PASSES_CRYPTO,
	.module			= THIS_MODULE,
	.ctr			= inner_ctr,
	.dtr			= inner_dtr,
	.map			= inner_map,
	.presuspend		= inner_presuspend,
	.postsuspend		= inner_postsuspend,
	.preresume		= inner_preresume,
	.resume			= inner_resume,
	.status			= inner_status,
	.message		= inner_message,
	.iterate_devices	= inner_iterate_devices,
	.io_hints		= inner_io_hints,
};

static int inner_clone_and_map_rq(struct dm_target *ti, struct request *rq,
				  union map_info *map_context,
				  struct request **clone)
{
	return DM_MAPIO_KILL;
}

static struct target_type inner_rq_type = {
	.name			= "kunit-rq",
	.module			= THIS_MODULE,
	.ctr			= inner_ctr,
	.dtr			= inner_dtr,
	.map			= inner_map,
	.clone_and_map_rq	= inner_clone_and_map_rq,
};

/*
 * dmsetup
 */

/* The node /dev/mapper/control on a file system that only we see. */
static struct vfsmount *control_mnt;
static struct file *control;

static int control_mknod(struct dentry *dentry)
{
	return vfs_mknod(&nop_mnt_idmap, d_inode(control_mnt->mnt_root), dentry,
			 S_IFCHR | 0600, MKDEV(MISC_MAJOR, MAPPER_CTRL_MINOR));
}

static struct file *control_open_node(void)
{
	struct inode *dir = d_inode(control_mnt->mnt_root);
	struct path path = { .mnt = control_mnt };
	struct file *file;
	int r;

	inode_lock(dir);
	path.dentry = lookup_one_len("control", control_mnt->mnt_root, 7);
	r = IS_ERR(path.dentry) ? PTR_ERR(path.dentry) :
				  control_mknod(path.dentry);
	inode_unlock(dir);
	if (IS_ERR(path.dentry))
		return ERR_CAST(path.dentry);

	file = r ? ERR_PTR(r) : dentry_open(&path, O_RDWR, current_cred());
	dput(path.dentry);
	return file;
}

static int control_open(void)
{
	struct file_system_type *ramfs = get_fs_type("ramfs");

	if (!ramfs)
		return -ENODEV;
	control_mnt = kern_mount(ramfs);
	module_put(ramfs->owner);
	if (IS_ERR(control_mnt))
		return PTR_ERR(control_mnt);

	control = control_open_node();
	if (!IS_ERR(control))
		return 0;
	kern_unmount(control_mnt);
	return PTR_ERR(control);
}

static void control_close(void)
{
	__fput_sync(control);
	kern_unmount(control_mnt);
}

/**
 * struct dm_call - the buffer of an ioctl
 *
 * @io: the header
 * @spec: first of the lines of a table, or of their status
 * @msg: a message
 * @data: all of it
 */
struct dm_call {
	struct dm_ioctl io;
	union {
		struct dm_target_spec spec;
		struct dm_target_msg msg;
		char data[2048];
	};
};

/* Do an ioctl, with @call as what user space has. */
static int dm_do(struct kunit *test, unsigned int cmd, struct dm_call *call)
{
	unsigned long addr;
	int r;

	addr = kunit_vm_mmap(test, NULL, 0, sizeof(*call),
			     PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	if (!addr || IS_ERR_VALUE(addr))
		return -ENOMEM;

	call->io.version[0] = DM_VERSION_MAJOR;
	call->io.data_size = sizeof(*call);
	call->io.data_start = offsetof(struct dm_call, data);
	if (copy_to_user((void __user *)addr, call, sizeof(*call)))
		return -EFAULT;
	r = control->f_op->unlocked_ioctl(control, cmd, addr);
	if (copy_from_user(call, (void __user *)addr, sizeof(*call)))
		return -EFAULT;
	return r;
}

static struct dm_call *dm_call_new(struct dm_kunit *m)
{
	struct dm_call *call = kunit_kzalloc(m->test, sizeof(*call), GFP_KERNEL);

	if (call)
		strscpy(call->io.name, m->name);
	return call;
}

/* An ioctl that has no data. */
static int dm_simple(struct dm_kunit *m, unsigned int cmd, u32 flags)
{
	struct dm_call *call = dm_call_new(m);

	if (!call)
		return -ENOMEM;
	call->io.flags = flags;
	return dm_do(m->test, cmd, call);
}

/**
 * dm_kunit_resume - like "dmsetup resume"
 * @m: the mapped device
 *
 * Return: 0 or the errno of the ioctl.
 */
int dm_kunit_resume(struct dm_kunit *m)
{
	return dm_simple(m, DM_DEV_SUSPEND, 0);
}
EXPORT_SYMBOL_GPL(dm_kunit_resume);

/**
 * dm_kunit_suspend - like "dmsetup suspend"
 * @m: the mapped device
 * @flags: DM_NOFLUSH_FLAG, DM_SKIP_LOCKFS_FLAG
 *
 * Return: 0 or the errno of the ioctl.
 */
int dm_kunit_suspend(struct dm_kunit *m, u32 flags)
{
	return dm_simple(m, DM_DEV_SUSPEND, DM_SUSPEND_FLAG | flags);
}
EXPORT_SYMBOL_GPL(dm_kunit_suspend);

/**
 * dm_kunit_remove - like "dmsetup remove"
 * @m: the mapped device
 *
 * Return: 0 or the errno of the ioctl.
 */
int dm_kunit_remove(struct dm_kunit *m)
{
	return dm_simple(m, DM_DEV_REMOVE, 0);
}
EXPORT_SYMBOL_GPL(dm_kunit_remove);

/**
 * dm_kunit_message - like "dmsetup message" to sector 0
 * @m: the mapped device
 * @message: the message
 *
 * Return: 0 or the errno of the ioctl.
 */
int dm_kunit_message(struct dm_kunit *m, const char *message)
{
	struct dm_call *call = dm_call_new(m);

	if (!call)
		return -ENOMEM;
	strscpy(call->msg.message, message,
		sizeof(call->data) - sizeof(call->msg));
	return dm_do(m->test, DM_TARGET_MSG, call);
}
EXPORT_SYMBOL_GPL(dm_kunit_message);

/**
 * dm_kunit_load_lines - like "dmsetup load"
 * @m: the mapped device
 * @flags: DM_READONLY_FLAG
 * @lines: the lines of the table
 * @n: how many
 *
 * Return: 0 or the errno of the ioctl.
 */
int dm_kunit_load_lines(struct dm_kunit *m, u32 flags,
			const struct dm_kunit_line *lines, unsigned int n)
{
	struct dm_call *call = dm_call_new(m);
	struct dm_target_spec *spec;
	unsigned int i, pos = 0;

	if (!call)
		return -ENOMEM;
	call->io.flags = flags;
	call->io.target_count = n;
	for (i = 0; i < n; i++) {
		spec = (void *)(call->data + pos);
		spec->sector_start = lines[i].start;
		spec->length = lines[i].len;
		strscpy(spec->target_type, lines[i].type);
		strscpy((char *)(spec + 1), lines[i].args, 256);
		spec->next = ALIGN(sizeof(*spec) + strlen(lines[i].args) + 1, 8);
		pos += spec->next;
	}
	return dm_do(m->test, DM_TABLE_LOAD, call);
}
EXPORT_SYMBOL_GPL(dm_kunit_load_lines);

/**
 * dm_kunit_load - load one line "interpose" over the size of a test disk
 * @m: the mapped device
 * @args: its arguments
 *
 * Return: 0 or the errno of the ioctl.
 */
int dm_kunit_load(struct dm_kunit *m, const char *args)
{
	struct dm_kunit_line line = { 0, KUNIT_DISK_SECTORS, "interpose", args };

	return dm_kunit_load_lines(m, 0, &line, 1);
}
EXPORT_SYMBOL_GPL(dm_kunit_load);

/**
 * dm_kunit_status - like "dmsetup status" or, with DM_STATUS_TABLE_FLAG, "table"
 * @m: the mapped device
 * @flags: flags of the ioctl
 *
 * Return: the text of the first line. Fails the test if there is none.
 */
const char *dm_kunit_status(struct dm_kunit *m, u32 flags)
{
	struct dm_call *call = dm_call_new(m);

	KUNIT_ASSERT_NOT_NULL(m->test, call);
	call->io.flags = flags;
	KUNIT_ASSERT_EQ(m->test, dm_do(m->test, DM_TABLE_STATUS, call), 0);
	return (const char *)(&call->spec + 1);
}
EXPORT_SYMBOL_GPL(dm_kunit_status);

static void dm_kunit_destroy(struct dm_kunit *m)
{
	/* the test may have removed it, or have left it suspended or pinned */
	dm_kunit_message(m, "interpose unpin");
	dm_kunit_remove(m);
}

KUNIT_DEFINE_ACTION_WRAPPER(mapped_remove_action, dm_kunit_destroy,
			    struct dm_kunit *);

/**
 * dm_kunit_create - like "dmsetup create --notable"
 * @test: the test, with which the device is removed
 * @name: its name
 *
 * Return: the mapped device. Fails the test if there is none.
 */
struct dm_kunit *dm_kunit_create(struct kunit *test, const char *name)
{
	struct dm_kunit *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	struct dm_call *call;
	struct mapped_device *md;
	int r;

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->test = test;
	m->name = name;
	call = dm_call_new(m);
	KUNIT_ASSERT_NOT_NULL(test, call);
	KUNIT_ASSERT_EQ(test, dm_do(test, DM_DEV_CREATE, call), 0);
	r = kunit_add_action_or_reset(test, mapped_remove_action, m);
	KUNIT_ASSERT_EQ(test, r, 0);

	/* there is no node before the first table */
	md = dm_get_md(huge_decode_dev(call->io.dev));
	KUNIT_ASSERT_NOT_NULL(test, md);
	m->bdev = dm_disk(md)->part0;
	dm_put(md);
	return m;
}
EXPORT_SYMBOL_GPL(dm_kunit_create);

/**
 * dm_kunit_init - for ->suite_init(): get ready for all of this
 *
 * Return: 0 or a negative errno.
 */
int dm_kunit_init(void)
{
	int r = dm_register_target(&inner_type);

	if (r)
		return r;
	r = dm_register_target(&inner_rq_type);
	if (r)
		goto out_type;
	r = control_open();
	if (!r)
		return 0;

	dm_unregister_target(&inner_rq_type);
out_type:
	dm_unregister_target(&inner_type);
	return r;
}
EXPORT_SYMBOL_GPL(dm_kunit_init);

/**
 * dm_kunit_exit - for ->suite_exit()
 */
void dm_kunit_exit(void)
{
	control_close();
	dm_unregister_target(&inner_rq_type);
	dm_unregister_target(&inner_type);
}
EXPORT_SYMBOL_GPL(dm_kunit_exit);

MODULE_DESCRIPTION("An inner target, and dmsetup, for KUnit tests");
MODULE_LICENSE("GPL");
