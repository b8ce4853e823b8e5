package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
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
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** Who owns memory, how long it lives, and what is said when that is not respected. */
@Tag("device")
class DeviceMemoryTest {
    private static final Usage NOTHING = LeakCheck.NOTHING;

    private Device device;

    @BeforeEach
    void open() {
        device = TestDevice.open();
    }

    @AfterEach
    void close() {
        device.close();
    }

    @AfterAll
    static void nothingLeaked() {
        assertEquals(NOTHING, Library.usage());
    }

    @Test
    void heapNativeAndMappedMemoryGoThereAndBack(@TempDir Path directory) throws IOException {
        int bytes = (256 << 10) * 2 + 3; // not a multiple of what staging copies at once
        byte[] data = new byte[bytes];
        new Random(1).nextBytes(data);
        Path file = Files.write(directory.resolve("data"), data);
        try (Arena arena = Arena.ofConfined();
                FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            MemorySegment mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, bytes, arena);
            MemorySegment nativeMemory = arena.allocate(bytes).copyFrom(mapped);
            for (MemorySegment source : new MemorySegment[] {MemorySegment.ofArray(data), nativeMemory, mapped}) {
                DeviceBuffer buffer = device.allocate(bytes);
                DeviceBuffer other = device.allocate(bytes);
                buffer.copyFrom(source);
                device.defaultStream().copy(other, buffer);
                byte[] heap = new byte[bytes];
                other.copyTo(MemorySegment.ofArray(heap));
                assertArrayEquals(data, heap);
                MemorySegment back = arena.allocate(bytes);
                other.copyTo(back);
                assertEquals(-1, back.mismatch(mapped));
            }
        }
    }

    @Test
    void copiesThatOverlapAreRefused() {
        DeviceBuffer buffer = device.allocate(64);
        DeviceBuffer begin = buffer.slice(0, 33);
        DeviceBuffer middle = buffer.slice(31, 32);
        DeviceBuffer end = buffer.slice(32, 32);
        assertThrows(IllegalArgumentException.class, () -> device.defaultStream().copy(begin, middle));
        assertThrows(IllegalArgumentException.class, () -> device.defaultStream().copy(buffer, begin));
        assertThrows(IllegalArgumentException.class, () -> device.defaultStream().copy(buffer, buffer));
        device.defaultStream().copy(buffer.slice(0, 32), end);
    }

    @Test
    @Tag("cpu")
    void copiesOfHostMemoryOverItselfAreRefused() {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment host = arena.allocate(64);
            DeviceBuffer buffer = DeviceBuffer.wrap(device, host.asSlice(0, 40));
            assertThrows(IllegalArgumentException.class, () -> buffer.copyFrom(host.asSlice(16, 40)));
            assertThrows(IllegalArgumentException.class, () -> buffer.copyTo(host.asSlice(24, 40)));
            buffer.copyFrom(host.asSlice(40));
        }
    }

    @Test
    void fillSetsEveryByte() {
        DeviceBuffer buffer = device.allocate(5);
        device.defaultStream().fill(buffer, (byte) -3);
        byte[] bytes = new byte[5];
        buffer.copyTo(MemorySegment.ofArray(bytes));
        assertArrayEquals(new byte[] {-3, -3, -3, -3, -3}, bytes);
    }

    @Test
    void segmentHasNoLength() {
        DeviceBuffer buffer = device.allocate(64);
        assertEquals(64, buffer.byteSize());
        assertEquals(0, buffer.segment().byteSize());
        assertEquals(0, buffer.segment().address() % 64);
        assertThrows(IndexOutOfBoundsException.class, () -> buffer.segment().get(ValueLayout.JAVA_BYTE, 0));
    }

    @Test
    void closedBufferIsRefusedByName() {
        DeviceBuffer buffer = device.allocate(64);
        DeviceBuffer slice = buffer.slice(8, 16);
        buffer.close();
        buffer.close();
        MemorySegment host = MemorySegment.ofArray(new byte[8]);
        assertClosed("buffer of 64 bytes on %s is closed", () -> buffer.copyFrom(host));
        assertClosed("buffer of 16 bytes on %s is closed", () -> slice.copyTo(host));
        assertClosed("buffer of 64 bytes on %s is closed", () -> buffer.slice(0, 1));
        assertEquals("buffer of 64 bytes on " + TestDevice.NAME + " (closed)", buffer.toString());
    }

    @Test
    void sliceIsBorrowed() {
        DeviceBuffer buffer = device.allocate(64);
        DeviceBuffer slice = buffer.slice(60, 4);
        slice.copyFrom(MemorySegment.ofArray(new byte[] {1, 2, 3, 4}));
        slice.close();
        byte[] bytes = new byte[64];
        buffer.copyTo(MemorySegment.ofArray(bytes));
        assertEquals(4, bytes[63]);
        for (long[] outside : new long[][] {{-1, 1}, {0, -1}, {60, 5}, {65, 0}, {Long.MAX_VALUE, 1},
            {1, Long.MAX_VALUE}}) {
            String message = assertThrows(IndexOutOfBoundsException.class, () -> buffer.slice(outside[0], outside[1]))
                    .getMessage();
            assertEquals("offset " + outside[0] + " and bytes " + outside[1]
                    + " are not inside a buffer of 64 bytes on " + TestDevice.NAME, message);
        }
    }

    @Test
    void arenaDecidesForWhatLivesInIt() {
        Usage before = Library.usage();
        DeviceBuffer buffer;
        try (Arena arena = Arena.ofConfined()) {
            buffer = device.allocate(64, arena);
            buffer.close();
            buffer.copyFrom(MemorySegment.ofArray(new byte[64]));
        }
        assertClosed("buffer of 64 bytes on %s is closed", () -> buffer.slice(0, 1));
        assertEquals(before.deviceAllocations(), Library.usage().deviceAllocations());
        Arena closed = Arena.ofShared();
        closed.close();
        assertThrows(IllegalStateException.class, () -> device.allocate(64, closed));
        assertEquals(before.deviceAllocations(), Library.usage().deviceAllocations());
    }

    @Test
    void deviceGoesWhenTheLastOfItGoes() {
        Arena arena = Arena.ofShared();
        DeviceBuffer buffer = device.allocate(64, arena);
        DeviceBuffer owned = device.allocate(64);
        device.close();
        device.close();
        assertFalse(owned.isAlive());
        assertTrue(buffer.isAlive());
        assertEquals(1, Library.usage().handles());
        assertClosed("device %s is closed", () -> device.allocate(1));
        assertClosed("device %s is closed", () -> device.defaultStream().synchronize());
        assertClosed("device %s is closed", () -> device.pinnedArena());
        arena.close();
        assertEquals(NOTHING, Library.usage());
    }

    @Test
    void anotherDevicesBufferIsRefused() {
        try (Device other = TestDevice.open()) {
            DeviceBuffer foreign = other.allocate(8);
            assertRefused("expected one on device " + TestDevice.NAME,
                    () -> device.defaultStream().fill(foreign, (byte) 0));
        }
    }

    @Test
    void wrongExtentsAreRefused() {
        DeviceBuffer buffer = device.allocate(8);
        MemorySegment host = MemorySegment.ofArray(new byte[9]);
        assertRefused("source has 9 bytes, but destination only 8", () -> buffer.copyFrom(host));
        assertRefused("destination has 9 bytes, but source only 8", () -> buffer.copyTo(host));
        assertRefused("destination is read-only",
                () -> buffer.copyTo(MemorySegment.ofArray(new byte[8]).asReadOnly()));
        assertRefused("bytes is -1", () -> device.allocate(-1));
    }

    @Test
    void tooMuchIsRefusedWithASentence() {
        LnrnnException e = assertThrows(LnrnnException.class, () -> device.allocate(Long.MAX_VALUE));
        assertEquals(Status.OUT_OF_MEMORY, e.status());
        assertEquals("lnrnnMalloc", e.function());
        assertTrue(e.getMessage().contains("bytes"), e::getMessage);
    }

    @Test
    void propertyCapsWhatIsAllocated() {
        System.setProperty("lnrnn.maxBytes", "1000");
        try (PinnedArena pinned = device.pinnedArena()) {
            DeviceBuffer buffer = device.allocate(600);
            LnrnnException e = assertThrows(LnrnnException.class, () -> pinned.allocate(401));
            assertEquals(Status.OUT_OF_MEMORY, e.status());
            assertEquals("cannot allocate 401 bytes: 600 are in use and the property lnrnn.maxBytes allows 1000",
                    e.getMessage());
            pinned.allocate(400);
            buffer.close();
            device.allocate(600).close();
        } finally {
            System.clearProperty("lnrnn.maxBytes");
        }
    }

    /** The CPU writes parameters where they belong; for a GPU they are computed in memory of the host. */
    @Test
    void whatInitializingNeedsBesideTheParametersIsCounted() {
        try (Layer layer = device.createLayer(LayerSpec.lstm(8, 8))) {
            System.setProperty("lnrnn.maxBytes", Long.toString(Library.usage().deviceBytes()));
            if (TestDevice.isCpu()) {
                layer.initialize(1);
            } else {
                LnrnnException e = assertThrows(LnrnnException.class, () -> layer.initialize(1));
                assertEquals(Status.OUT_OF_MEMORY, e.status());
                assertEquals("lnrnnInitializeParameters", e.function());
            }
        } finally {
            System.clearProperty("lnrnn.maxBytes");
        }
        try (Layer layer = device.createLayer(LayerSpec.lstm(8, 8))) {
            layer.initialize(1);
        }
    }

    @Test
    @Tag("cpu")
    void nativeMemoryIsBorrowedInPlace() {
        DeviceBuffer buffer;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment host = arena.allocate(8);
            buffer = DeviceBuffer.wrap(device, host);
            device.defaultStream().fill(buffer, (byte) 7);
            assertEquals(7, host.get(ValueLayout.JAVA_BYTE, 7));
            DeviceBuffer readOnly = DeviceBuffer.wrap(device, host.asReadOnly());
            assertTrue(readOnly.isReadOnly());
            assertRefused("destination is read-only",
                    () -> device.defaultStream().fill(readOnly, (byte) 0));
        }
        assertClosed("buffer of 8 bytes on %s is closed",
                () -> device.defaultStream().fill(buffer, (byte) 0));
    }

    @Test
    void heapMemoryIsNotBorrowed() {
        MemorySegment heap = MemorySegment.ofArray(new byte[8]);
        assertRefused("memory is on the Java heap", () -> DeviceBuffer.wrap(device, heap));
        assertRefused("memory is on the Java heap", () -> DeviceBuffer.wrapMapped(device, heap));
    }

    @Test
    void whatIsClosedIsNotWrapped() {
        Device closed = TestDevice.open();
        closed.close();
        Arena arena = Arena.ofShared();
        MemorySegment memory = arena.allocate(16);
        try (arena) {
            assertClosed("device %s is closed", () -> DeviceBuffer.wrap(closed, memory));
            assertClosed("device %s is closed", () -> DeviceBuffer.wrapMapped(closed, memory));
        }
        assertClosed("memory is closed", () -> DeviceBuffer.wrap(device, memory));
        assertClosed("memory is closed", () -> DeviceBuffer.wrapMapped(device, memory));
    }

    @Test
    @Tag("cpu")
    void mappedFilesAreUsedInPlaceOnlyWhenAsked(@TempDir Path directory) throws IOException {
        Path file = Files.write(directory.resolve("data"), new byte[64]);
        try (Arena arena = Arena.ofConfined();
                FileChannel channel =
                        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            MemorySegment mapped = channel.map(FileChannel.MapMode.READ_WRITE, 0, 64, arena);
            assertRefused("memory is a mapped file", () -> DeviceBuffer.wrap(device, mapped));
            device.defaultStream().fill(DeviceBuffer.wrapMapped(device, mapped), (byte) 5);
            assertEquals(5, mapped.get(ValueLayout.JAVA_BYTE, 63));
        }
    }

    @Test
    @Tag("cpu")
    void foreignMemoryIsBorrowedByItsSegment() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(16);
            MemorySegment address = MemorySegment.ofAddress(memory.address());
            assertRefused("memory has 0 bytes, expected at least 1: memory.reinterpret(bytes, arena, null)",
                    () -> DeviceBuffer.wrap(device, address));
            DeviceBuffer buffer;
            try (Arena owner = Arena.ofConfined()) {
                buffer = DeviceBuffer.wrap(device, address.reinterpret(16, owner, null));
                device.defaultStream().fill(buffer, (byte) 9);
                assertEquals(9, memory.get(ValueLayout.JAVA_BYTE, 15));
            }
            assertFalse(buffer.isAlive(), "its owner is closed");
        }
    }

    @Test
    void aGpuBorrowsMemoryOfItsOwnAlone() {
        Assumptions.assumeFalse(TestDevice.isCpu(), "a processor cannot tell");
        try (Arena arena = Arena.ofConfined(); PinnedArena pinned = device.pinnedArena()) {
            MemorySegment memory = MemorySegment.ofAddress(device.allocate(64).address()).reinterpret(64, arena, null);
            DeviceBuffer.wrap(device, memory).copyFrom(MemorySegment.ofArray(new byte[64]));
            assertForeign("host memory", arena.allocate(64));
            assertForeign("pinned host memory", pinned.allocate(64));
        }
    }

    private void assertForeign(String kind, MemorySegment memory) {
        LnrnnException refusal =
                assertThrows(LnrnnException.class, () -> DeviceBuffer.wrap(device, memory));
        assertEquals(Status.INVALID_ARGUMENT, refusal.status());
        assertTrue(refusal.getMessage().contains(" is " + kind), refusal.getMessage());
    }

    /** {@code %s} in the message stands for the device's name. */
    private static void assertClosed(String message, Executable code) {
        assertEquals(message.formatted(TestDevice.NAME),
                assertThrows(IllegalStateException.class, code).getMessage());
    }

    private static void assertRefused(String message, Executable code) {
        String actual = assertThrows(IllegalArgumentException.class, code).getMessage();
        assertTrue(actual.contains(message), actual);
    }
}
