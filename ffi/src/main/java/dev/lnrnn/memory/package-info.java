/**
 * The kinds of memory that passes work on: of a device ({@link dev.lnrnn.memory.DeviceBuffer}), and of the host but
 * page-locked ({@link dev.lnrnn.memory.PinnedArena}). Ordinary host memory is any
 * {@link java.lang.foreign.MemorySegment}.
 *
 * <p>The system property {@code lnrnn.maxBytes} caps what a process may hold of both kinds together; an allocation
 * beyond it is refused with {@link dev.lnrnn.Status#OUT_OF_MEMORY}. Without it the machine's memory is the limit.
 */
@NullMarked
package dev.lnrnn.memory;

import org.jspecify.annotations.NullMarked;
