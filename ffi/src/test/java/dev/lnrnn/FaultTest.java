package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What goes wrong with a GPU is the right exception with a sentence, and whatever is closed then closes. */
@Tag("device")
class FaultTest {

    @BeforeAll
    static void onlyWhereFaultsCanBeInjected() {
        assumeTrue(TestDevice.EMULATED);
    }

    @ParameterizedTest
    @CsvSource({
        "DRIVER, none, unavailable, no NVIDIA driver is installed",
        "DRIVER, 12020, unavailable, 'for CUDA 12.2, which is older than the'",
        "DRIVER, no_device, unavailable, finds no GPU",
        "DEVICES, 8.6, unavailable, 'no kernels for its compute capability 8.6; it was built for sm_90a compute_90'",
        "DEVICES, '8.6,9.0', firstUnusable, no kernels for its compute capability 8.6",
        "MEMORY, 104857600, outOfMemory, out of device memory: 314572800 bytes could not be allocated",
        "FAULT, device_lost@5, lost, is lost",
    })
    void isSaidAndSurvived(String control, String value, String met, String words)
            throws IOException, InterruptedException {
        ChildJvm child = ChildJvm.run(Duration.ofSeconds(60), Map.of("LNRNN_EMULATOR_" + control, value),
                List.of("-cp", ChildJvm.classPath(), Faults.class.getName(), met, words));
        assertEquals(0, child.exitCode(), child.output());
    }
}
