package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("device")
class RegistrationTest {
    private final Device device = TestDevice.open();

    @AfterEach
    void close() {
        device.close();
        assertEquals(0, Library.usage().registrations());
        assertEquals(0, Library.usage().registeredBytes());
    }

    @Test
    void registeredMemoryGoesThereAndBack() {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment host = arena.allocate(1 << 20);
            MemorySegment back = arena.allocate(1 << 20);
            DeviceBuffer buffer = device.allocate(1 << 20);
            try (Registration there = device.register(host, arena); Registration here = device.register(back, arena)) {
                assertEquals(2, Library.usage().registrations());
                assertEquals(2 << 20, Library.usage().registeredBytes());
                host.fill((byte) 6);
                device.defaultStream().copy(buffer, host);
                device.defaultStream().copy(back, buffer);
                device.synchronize();
                assertEquals(-1, back.mismatch(host));
            }
            assertEquals(0, Library.usage().registrations());
            buffer.copyTo(back);
        }
    }

    /** Closing waits for what is queued, so that nobody writes to memory that is gone. */
    @Test
    void theArenaEndsItWithCopiesInFlight() {
        DeviceBuffer buffer = device.allocate(1 << 20);
        for (int round = 0; round < 3; round++) {
            Arena arena = Arena.ofShared();
            MemorySegment host = arena.allocate(1 << 20).fill((byte) 7);
            Registration registration = device.register(host, arena);
            device.defaultStream().fill(buffer, (byte) 0);
            device.defaultStream().copy(buffer, host);
            arena.close();
            assertEquals(0, Library.usage().registrations());
            registration.close();
            byte[] bytes = new byte[1 << 20];
            buffer.copyTo(MemorySegment.ofArray(bytes));
            assertEquals(7, bytes[0]);
            assertEquals(7, bytes[bytes.length - 1]);
        }
    }

    @Test
    void theDeviceEndsIt() {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment host = arena.allocate(64);
            device.register(host, arena);
            device.close();
            assertEquals(0, Library.usage().registrations());
            host.set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
        }
    }

    @Test
    void theSameMemoryTwice() {
        try (Arena arena = Arena.ofShared(); PinnedArena pinned = device.pinnedArena()) {
            MemorySegment host = arena.allocate(64);
            device.register(host, arena);
            LnrnnException refusal = assertThrows(LnrnnException.class,
                    () -> device.register(host.asSlice(63), arena));
            assertEquals(Status.INVALID_ARGUMENT, refusal.status());
            assertTrue(refusal.getMessage().contains("overlap"), refusal.getMessage());
            assertThrows(LnrnnException.class, () -> device.register(pinned.allocate(8), pinned));
        }
    }

    /** What a closed registration leaves behind is nothing, however long its arena lives. */
    @Test
    void closedRegistrationsAreForgotten() {
        int rounds = 20_000;
        try (Arena arena = Arena.ofShared()) {
            MemorySegment host = arena.allocate(1 << 12);
            register(host, arena, rounds);
            long before = usedHeap();
            register(host, arena, rounds);
            long each = (usedHeap() - before) / rounds;
            assertTrue(each < 40, each + " bytes stay for each");
        }
    }

    private void register(MemorySegment host, Arena arena, int rounds) {
        for (int i = 0; i < rounds; i++) {
            device.register(host.asSlice(i % 64 * 64, 64), arena).close();
        }
    }

    private static long usedHeap() {
        for (int i = 0; i < 3; i++) {
            System.gc();
        }
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    /** Also of memory that was allocated after the first registration, and of what was registered again. */
    @Test
    void theArenaEndsAllOfThem() {
        Arena arena = Arena.ofShared();
        MemorySegment early = arena.allocate(64);
        device.register(early, arena).close();
        MemorySegment late = arena.allocate(64);
        device.register(late, arena);
        device.register(early, arena);
        assertEquals(2, Library.usage().registrations());
        arena.close();
        assertEquals(0, Library.usage().registrations());
    }

    @Test
    void memoryThatCannotBePinned(@TempDir Path directory) throws IOException {
        Path file = Files.write(directory.resolve("data"), new byte[64]);
        try (Arena arena = Arena.ofShared(); Arena other = Arena.ofShared(); Arena confined = Arena.ofConfined();
                FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            MemorySegment mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, 64, arena);
            assertRefused("host is a mapped file", mapped, arena);
            assertRefused("host is on the Java heap", MemorySegment.ofArray(new byte[8]), arena);
            assertRefused("host has 0 bytes", arena.allocate(0), arena);
            assertRefused("host is not memory of arena", arena.allocate(8), other);
            assertRefused("host is in a confined arena", confined.allocate(8), confined);
        }
    }

    private void assertRefused(String message, MemorySegment host, Arena arena) {
        String actual = assertThrows(IllegalArgumentException.class, () -> device.register(host, arena)).getMessage();
        assertTrue(actual.contains(message), actual);
    }
}
