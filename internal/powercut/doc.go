// Package powercut finds out what a power cut would leave of a folder.
//
// A program runs under strace, which logs every system call that changes the
// folder or sends something over the network, in their order, with all bytes. From the log a model of
// the disk is made, after Pillai et al., "All File Systems Are Not Created Equal" (OSDI 2014): at any point of
// the log it knows what has been synced, and so must be there, and what has not, and so may be there, in part or not at all.
// [Disk.Image] writes one of the folders that a cut at that point may leave, and [Disk.Sent] tells what the
// program had said to others by then.
//
// What the model assumes, and no more:
//
//   - What was written before an fsync or fdatasync of the same file began is there once that has returned.
//     Of the rest, each sector of 512 bytes is there or not, independently; a file may also have its full length, with zeros.
//   - Names that were made, changed or removed in a folder are durable once an fsync of that folder has returned. Of the others, some are
//     there: the oldest ones, because the file systems of Linux log such changes in order. The sync of a file
//     does not make its name durable.
//   - A system call that was under way may have had its effect or not.
//
// Writes through a memory map are not in the log. Of what Presage uses, that is the -shm file of SQLite alone, which
// is left out of images: SQLite builds it anew (https://www.sqlite.org/walformat.html, section 2.2). That nothing
// else was missed is shown by comparing the image of everything with the folder itself.
package powercut
