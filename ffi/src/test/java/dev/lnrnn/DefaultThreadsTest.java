package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** How many threads the processor has where nobody says, and what decides it. */
@Tag("cpu")
class DefaultThreadsTest {

    @Test
    void anOpenDeviceHasWhatTheListShows() {
        DeviceInfo listed = Device.available().getFirst();
        try (Device device = Device.open("cpu")) {
            assertEquals(listed, device.info());
        }
        assertTrue(listed.threads() <= Runtime.getRuntime().availableProcessors(), listed::toString);
        assertTrue(List.of("affinity", "cgroup quota", "JVM").contains(listed.threadsFrom()), listed::toString);
    }

    @Test
    void whatIsAskedForIsTaken() {
        int more = Runtime.getRuntime().availableProcessors() + 1;
        try (Device device = Device.open("cpu", DeviceOptions.DEFAULTS.withThreads(more))) {
            assertEquals(more, device.info().threads());
            assertEquals("asked for", device.info().threadsFrom());
        }
    }

    @Test
    void theJvmsCountIsALimit() throws Exception {
        ChildJvm child = ChildJvm.run(Duration.ofMinutes(1), List.of("-XX:ActiveProcessorCount=1",
                "-cp", ChildJvm.classPath(), Printer.class.getName()));
        assertEquals(0, child.exitCode(), child.output());
        DeviceInfo here = Device.available().getFirst();
        String from = here.threads() > 1 ? "JVM" : here.threadsFrom();
        assertEquals("1 " + from + System.lineSeparator() + "1 " + from, child.output().strip());
    }

    /** Prints threads and what decided, of the list and of an open device. */
    static final class Printer {
        private Printer() {}

        public static void main(String[] arguments) {
            print(Device.available().getFirst());
            try (Device device = Device.open("cpu")) {
                print(device.info());
            }
        }

        private static void print(DeviceInfo info) {
            System.out.println(info.threads() + " " + info.threadsFrom());
        }
    }
}
