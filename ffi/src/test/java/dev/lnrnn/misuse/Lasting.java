package dev.lnrnn.misuse;

import dev.lnrnn.Device;
import dev.lnrnn.memory.DeviceBuffer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;

/** Memory that is there for the whole run, so that the arguments of a call, and of different calls, may overlap. */
final class Lasting {

    private static final int BYTES = 1 << 16;
    private static final MemorySegment NATIVE = Arena.global().allocate(BYTES, 64);
    private static final MemorySegment HEAP = MemorySegment.ofArray(new long[BYTES / Long.BYTES]);
    private static final MemorySegment MAPPED = map();

    private Lasting() {}

    private static MemorySegment map() {
        try {
            Path file = Files.write(Files.createTempFile("lasting", ".bytes"), new byte[BYTES]);
            try (FileChannel channel =
                    FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
                return channel.map(FileChannel.MapMode.READ_WRITE, 0, BYTES, Arena.global());
            } finally {
                Files.delete(file);
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
        return switch (random.nextInt(3)) {
            case 0 -> some(HEAP, random);
            case 1 -> some(MAPPED, random);
            default -> some(NATIVE, random);
        };
    }

    /** Of the processor. */
    static DeviceBuffer buffer(Device cpu, Random random) {
        return DeviceBuffer.ofHost(cpu, some(NATIVE, random));
    }
}
