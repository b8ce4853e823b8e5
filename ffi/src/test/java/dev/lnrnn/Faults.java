package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Set;

/** What a program meets where the emulated GPU fails, in a JVM of its own ({@link FaultTest} starts it). */
final class Faults {

    private Faults() {}

    /** Arguments: what is met, and words of its sentence. Ends with an exception where it is something else. */
    public static void main(String[] arguments) {
        switch (arguments[0]) {
            case "unavailable" -> unavailable(arguments[1]);
            case "firstUnusable" -> firstUnusable(arguments[1]);
            case "outOfMemory" -> outOfMemory(arguments[1]);
            case "lost" -> lost(arguments[1]);
            default -> throw new IllegalArgumentException(arguments[0]);
        }
        assertEquals(LeakCheck.NOTHING, Library.usage());
    }

    private static void unavailable(String words) {
        assertSays(Status.DEVICE_UNAVAILABLE, words,
                assertThrows(LnrnnException.class, () -> Device.open(TestDevice.NAME)));
        String reason = Device.unavailableReason(TestDevice.NAME);
        assertTrue(reason != null && reason.contains(words), reason);
        assertEquals(reason, Device.unavailable().get(TestDevice.NAME));
        assertEquals(List.of("cpu"), Device.available().stream().map(DeviceInfo::name).toList());
        try (Device best = Device.best()) {
            assertEquals("cpu", best.info().name());
        }
    }

    /** The second GPU is used in the first one's place. */
    private static void firstUnusable(String words) {
        assertSays(Status.DEVICE_UNAVAILABLE, words,
                assertThrows(LnrnnException.class, () -> Device.open("cuda:0")));
        assertEquals(List.of("cpu", "cuda:1"), Device.available().stream().map(DeviceInfo::name).toList());
        assertEquals(Set.of("cuda:0"), Device.unavailable().keySet());
        String reason = Device.unavailable().get("cuda:0");
        assertTrue(reason != null && reason.contains(words), reason);
        assertNull(Device.unavailableReason("cuda:1"));
        try (Device best = Device.best();
                Layer layer = best.createLayer(LayerSpec.lstm(3, 4)).initialize(1)) {
            assertEquals("cuda:1", best.info().name());
            assertEquals(5 * 2 * 4, layer.forward(new float[30], 5, 2).y().length);
        }
    }

    private static void outOfMemory(String words) {
        try (Device device = TestDevice.open()) {
            assertSays(Status.OUT_OF_MEMORY, words,
                    assertThrows(LnrnnException.class, () -> device.allocate(300L << 20)));
            DeviceBuffer small = device.allocate(4);
            small.copyFrom(MemorySegment.ofArray(new byte[] {1, 2, 3, 4}));
            byte[] back = new byte[4];
            small.copyTo(MemorySegment.ofArray(back));
            assertArrayEquals(new byte[] {1, 2, 3, 4}, back);
        }
    }

    /** Everything that is closed afterwards closes, memory in arenas of the caller's too. */
    private static void lost(String words) {
        Device device = TestDevice.open();
        try (Arena arena = Arena.ofShared()) {
            device.register(arena.allocate(64), arena);
            device.allocate(64, arena);
            Layer layer = device.createLayer(LayerSpec.lstm(3, 4)).initialize(1);
            Stream stream = device.createStream();
            device.pinnedArena().allocate(64);
            assertSays(Status.DEVICE_LOST, words,
                    assertThrows(DeviceLostException.class, () -> layer.forward(new float[30], 5, 2)));
            String later = "was lost earlier";
            assertSays(Status.DEVICE_LOST, later,
                    assertThrows(DeviceLostException.class, () -> layer.forward(new float[30], 5, 2)));
            assertSays(Status.DEVICE_LOST, later, assertThrows(DeviceLostException.class, stream::synchronize));
            assertSays(Status.DEVICE_LOST, later, assertThrows(DeviceLostException.class, () -> device.allocate(1)));
        }
        device.close();
    }

    private static void assertSays(Status status, String words, LnrnnException exception) {
        assertEquals(status, exception.status());
        assertTrue(exception.getMessage().contains(words), exception.getMessage());
    }
}
