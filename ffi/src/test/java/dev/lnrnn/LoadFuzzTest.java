package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.interop.FileMutator;
import dev.lnrnn.interop.Safetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A damaged file makes a layer, or is loaded, as what it says; or it is refused and nothing has changed. */
class LoadFuzzTest {
    private static final LayerSpec SPEC = LayerSpec.gru(2, 3).withZoneout(0.1);

    @Test
    void damagedFilesAreLoadedOrRefused(@TempDir Path directory) throws IOException {
        int[] outcomes = new int[4];
        try (Device device = Device.cpu(); Layer layer = device.createLayer(SPEC).initialize(1)) {
            Path file = directory.resolve("layer.safetensors");
            layer.save(file);
            List<byte[]> good = List.of(Files.readAllBytes(file));
            FuzzRun.repeat("load", 2, (random, call) -> {
                byte[] bytes = new FileMutator(random, good).next();
                LoadOptions options = LoadOptions.DEFAULTS.withConversion(random.nextBoolean())
                        .withMissing(random.nextBoolean()).withOthers(random.nextBoolean());
                long before = Library.usage().deviceBytes();
                try (Layer made = device.loadLayer(Safetensors.read(bytes), options.withMissing(false))) {
                    assertEquals(Safetensors.read(bytes).metadata().get("hidden_size"),
                            Long.toString(made.spec().hiddenSize()));
                    outcomes[0]++;
                } catch (IOException e) {
                    outcomes[1]++;
                }
                assertEquals(before, Library.usage().deviceBytes());
                float[] weights = layer.parameters().get("weight_hh_l0");
                try {
                    layer.load(Safetensors.read(bytes), options);
                    outcomes[2]++;
                } catch (IOException e) {
                    assertArrayEquals(weights, layer.parameters().get("weight_hh_l0"));
                    outcomes[3]++;
                }
            });
        }
        System.out.printf("load: %d layers made, %d not, %d loaded, %d not%n", outcomes[0], outcomes[1], outcomes[2],
                outcomes[3]);
        assertTrue(outcomes[0] > 0 && outcomes[1] > 0 && outcomes[2] > 0 && outcomes[3] > 0);
    }
}
