package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.interop.Safetensors;
import dev.lnrnn.interop.SafetensorsException;
import dev.lnrnn.interop.Tensor;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A file whose metadata describes no layer, or another one than its tensors are, makes none. */
@Tag("device")
class LoadMetadataTest extends LayerFileFixture {
    private static final LayerSpec SPEC = LayerSpec.lstm(3, 4).withZoneout(0.25);

    @Test
    void aFileOfAnotherProgramDescribesNoLayer() throws IOException {
        try (Layer layer = device.createLayer(SPEC).initialize(8)) {
            Safetensors.write(file, Map.of("cell", "lstm"), layer.parameters().toTensors(""));
        }
        assertNoLayer("the metadata does not describe a layer: it has no format=lnrnn");
    }

    /** Each refused with one sentence and without an attempt to allocate what it says. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', nullValues = "-", value = {
        "cell|mamba|cell is mamba in the metadata, expected one of [lstm, gru, indrnn]",
        "cell|-|cell is missing in the metadata",
        "normalization|batch|normalization is batch",
        "cell|gru|does not have the parameters of layer GRU",
        "cell|indrnn|does not have the parameters of layer INDRNN",
        "data_type|f8|data_type is f8",
        "direction|reverse|direction is reverse",
        "direction|bidirectional|2 states, which is larger than its tensors allow",
        "layers|0|layers is 0, expected 1...1024",
        "layers|1024|describes a layer of input size 3, hidden size 4 and 1024 states, which is larger than",
        "layers|4294967297|layers is 4294967297 in the metadata, expected an integer",
        "layers|1.0|layers is 1.0 in the metadata, expected an integer",
        "hidden_size|-4|hiddenSize is -4, expected 1...",
        "hidden_size|5|does not have the parameters of layer LSTM 3 to 5",
        "hidden_size|1099511627776|hidden size 1099511627776",
        "hidden_size|9223372036854775807|hiddenSize is 9223372036854775807, expected 1...",
        "hidden_size|99999999999999999999|hidden_size is 99999999999999999999 in the metadata, expected an integer",
        "input_size|1099511627776|input size 1099511627776",
        "input_size|64|does not have the parameters of layer LSTM 64 to 4",
        "lnrnn.format|3|lnrnn.format is 3 in the metadata, expected 1 or 2: another version of lnrnn wrote it",
        "lnrnn.format|2|projection_size is missing in the metadata, expected an integer",
        "lnrnn.format|-|lnrnn.format is missing in the metadata, expected 1",
        "lnrnn.format|1.0|lnrnn.format is 1.0 in the metadata, expected 1",
        "epsilon|NaN|epsilon is NaN, expected a",
        "epsilon|0|epsilon is 0.0",
        "epsilon|1e-5 or so|epsilon is something unreadable in the metadata, expected a number",
        "zoneout|2|zoneout is 2.0, expected a probability",
        "zoneout|NaN|zoneout is NaN, expected a probability",
        "dropout|0.5|dropout is 0.5 and layers is 1, expected",
        "dropout_candidate|half|dropout_candidate is half in the metadata, expected a number",
        "recompute|yes|recompute is yes in the metadata, expected true or false",
        "variational_dropout|true|variationalDropout is true and dropout is 0, expected",
    })
    void hostileMetadataIsRefused(String key, String value, String expected) throws IOException {
        Map<String, String> metadata = new HashMap<>(SPEC.toMetadata());
        if (value == null) {
            metadata.remove(key);
        } else {
            metadata.put(key, value);
        }
        try (Layer layer = device.createLayer(SPEC).initialize(8)) {
            List<Tensor> tensors = layer.parameters().toTensors("");
            Safetensors.write(file, metadata, tensors);
        }
        if (expected.startsWith("2 states")) {
            // As many tensors as states there are; what they are decides.
            assertNoLayer("weight_ih_l0_reverse: missing");
        } else {
            assertNoLayer(expected);
        }
    }

    /** As files have none that were written before there was one. */
    @Test
    void withoutDropoutOfTheCandidateThereIsNone() {
        Map<String, String> metadata = new HashMap<>(SPEC.toMetadata());
        metadata.remove("dropout_candidate");
        assertEquals(SPEC, LayerSpec.ofMetadata(metadata));
    }

    private void assertNoLayer(String part) {
        Usage before = Library.usage();
        String message = assertThrows(SafetensorsException.class, () -> device.loadLayer(file).close()).getMessage();
        assertTrue(message.startsWith(file.toString()) && message.contains(part), message);
        assertFalse(message.contains("Exception"), message);
        assertEquals(before, Library.usage());
    }

    @Test
    void whatAnotherVersionMeantIsNotLoaded() throws IOException {
        Map<String, String> metadata = new HashMap<>(SPEC.toMetadata());
        metadata.put("lnrnn.format", "3");
        metadata.put("zoneout", "0.5");
        try (Layer layer = device.createLayer(SPEC).initialize(8)) {
            Safetensors.write(file, metadata, layer.parameters().toTensors(""));
            assertRefused(layer, LoadOptions.DEFAULTS,
                    "\n  lnrnn.format is 3 in the metadata, expected 1 or 2: another version of lnrnn wrote it");
            assertRefused(layer, LoadOptions.DEFAULTS.withDiffering("zoneout"), "\n  lnrnn.format is 3");
            metadata.put("format", "pt");
            Safetensors.write(file, metadata, layer.parameters().toTensors(""));
            layer.load(file);
        }
    }
}
