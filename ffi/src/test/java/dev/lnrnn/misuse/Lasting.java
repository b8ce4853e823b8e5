package dev.lnrnn.misuse;

import dev.lnrnn.Device;
import dev.lnrnn.DeviceBuffer;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/** Memory that is there for the whole run, so that the arguments of a call, and of different calls, may overlap. */
final class Lasting {

    private static final int BYTES = 1 << 16;
    /** More than an int counts. */
    private static final long HUGE_BYTES = 1L << 33;
    private static final MemorySegment NATIVE = Arena.global().allocate(BYTES, 64);
    private static final MemorySegment HEAP = MemorySegment.ofArray(new long[BYTES / Long.BYTES]);
    private static final MemorySegment MAPPED = map(FileChannel.MapMode.READ_WRITE, BYTES);
    /** Of a file that is all hole. */
    private static final MemorySegment HUGE = map(FileChannel.MapMode.READ_ONLY, HUGE_BYTES);

    private Lasting() {}

    private static MemorySegment map(FileChannel.MapMode mode, long bytes) {
        try {
            Path path = Files.createTempFile("lasting", ".bytes");
            try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
                file.setLength(bytes);
                return file.getChannel().map(mode, 0, bytes, Arena.global());
            } finally {
                Files.delete(path);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** From anywhere, between elements too, to the end: large enough for any argument. */
    private static MemorySegment some(MemorySegment memory, Random random) {
        MemorySegment rest = memory.asSlice(random.nextInt(1 << 10));
        return random.nextInt(4) == 0 ? rest.asReadOnly() : rest;
    }

    static MemorySegment segment(Random random) {
        return switch (random.nextInt(4)) {
            case 0 -> some(HEAP, random);
            case 1 -> some(MAPPED, random);
            case 2 -> some(HUGE, random);
            default -> some(NATIVE, random);
        };
    }

    /** Of the processor. */
    static DeviceBuffer buffer(Device cpu, Random random) {
        return DeviceBuffer.wrap(cpu, some(NATIVE, random));
    }
}
