package dev.lnrnn;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;

/**
 * Buffers that touch a page which nothing may read or write, behind their last byte or before their first:
 * one step too far ends the process instead of going unseen.
 */
final class GuardedMemory implements Memory, AutoCloseable {

    enum Side { BEFORE, BEHIND }

    private static final long PAGE = 4096;
    private static final int PROT_NONE = 0;
    private static final int PROT_READ_WRITE = 3;
    private static final int MAP_PRIVATE_ANONYMOUS = 0x22;
    private static final MethodHandle MMAP = libc("mmap", FunctionDescriptor.of(
            JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
    private static final MethodHandle MPROTECT = libc("mprotect", FunctionDescriptor.of(
            JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));
    private static final MethodHandle MUNMAP = libc("munmap", FunctionDescriptor.of(
            JAVA_INT, JAVA_LONG, JAVA_LONG));

    private final Device device;
    private final Side side;
    private final List<MemorySegment> mappings = new ArrayList<>();

    GuardedMemory(Device device, Side side) {
        this.device = device;
        this.side = side;
    }

    @Override
    public DeviceBuffer tensor(long bytes) {
        return DeviceBuffer.ofHost(device, memory(bytes));
    }

    private MemorySegment memory(long bytes) {
        long usable = Math.max(PAGE, (bytes + PAGE - 1) / PAGE * PAGE);
        MemorySegment mapping = map(PAGE + usable + PAGE);
        protect(mapping.asSlice(0, PAGE));
        protect(mapping.asSlice(PAGE + usable, PAGE));
        return mapping.asSlice(side == Side.BEFORE ? PAGE : PAGE + usable - bytes, bytes);
    }

    private MemorySegment map(long bytes) {
        long address = (long) call(
                MMAP, MemorySegment.NULL, bytes, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0L);
        if (address == -1) {
            throw new OutOfMemoryError("mmap of " + bytes + " bytes");
        }
        MemorySegment mapping = MemorySegment.ofAddress(address).reinterpret(bytes);
        mappings.add(mapping);
        return mapping;
    }

    private static void protect(MemorySegment page) {
        if ((int) call(MPROTECT, page.address(), page.byteSize(), PROT_NONE) != 0) {
            throw new IllegalStateException("mprotect refused the guard page");
        }
    }

    @Override
    public void close() {
        for (MemorySegment mapping : mappings) {
            call(MUNMAP, mapping.address(), mapping.byteSize());
        }
    }

    private static MethodHandle libc(String name, FunctionDescriptor descriptor) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().find(name).orElseThrow(), descriptor);
    }

    private static Object call(MethodHandle function, Object... arguments) {
        try {
            return function.invokeWithArguments(arguments);
        } catch (Throwable failure) {
            throw new AssertionError("libc call", failure);
        }
    }
}
