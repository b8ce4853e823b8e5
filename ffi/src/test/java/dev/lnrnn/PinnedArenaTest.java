package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("device")
class PinnedArenaTest {
    private final Device device = TestDevice.open();

    @AfterEach
    void close() {
        device.close();
    }

    @AfterAll
    static void nothingLeaked() {
        assertEquals(0, Library.usage().handles());
        assertEquals(0, Library.usage().hostAllocations());
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 8, 64, 128, 4096})
    void memoryIsAlignedZeroedAndWritable(long alignment) {
        try (PinnedArena pinned = device.pinnedArena()) {
            for (long bytes : new long[] {0, 1, 1000}) {
                MemorySegment memory = pinned.allocate(bytes, alignment);
                assertEquals(bytes, memory.byteSize());
                assertEquals(0, memory.address() % alignment);
                for (long i = 0; i < bytes; i++) {
                    assertEquals(0, memory.get(ValueLayout.JAVA_BYTE, i));
                    memory.set(ValueLayout.JAVA_BYTE, i, (byte) 1);
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"-1, 1, byteSize is -1", "1, 0, byteAlignment is 0", "1, 3, byteAlignment is 3",
        "1, -9223372036854775808, byteAlignment is -9223372036854775808",
        "9223372036854775807, 128, 'byteSize is 9223372036854775807, too large'"})
    void wrongArgumentsAreRefused(long bytes, long alignment, String message) {
        try (PinnedArena pinned = device.pinnedArena()) {
            String actual = assertThrows(IllegalArgumentException.class, () -> pinned.allocate(bytes, alignment))
                    .getMessage();
            assertEquals(message, actual.substring(0, message.length()));
        }
    }

    @Test
    void segmentsDieWithTheArena() {
        PinnedArena pinned = device.pinnedArena();
        MemorySegment memory = pinned.allocate(64);
        pinned.close();
        pinned.close();
        assertThrows(IllegalStateException.class, () -> memory.get(ValueLayout.JAVA_BYTE, 0));
        assertEquals("pinned arena on " + TestDevice.NAME + " is closed",
                assertThrows(IllegalStateException.class, () -> pinned.allocate(1)).getMessage());
        assertEquals(0, Library.usage().hostAllocations());
    }

    @Test
    void deviceClosesIt() {
        PinnedArena pinned = device.pinnedArena();
        MemorySegment memory = pinned.allocate(64);
        device.close();
        assertThrows(IllegalStateException.class, () -> memory.get(ValueLayout.JAVA_BYTE, 0));
        pinned.close();
    }
}
