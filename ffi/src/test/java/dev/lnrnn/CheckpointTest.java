package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.interop.Safetensors;
import dev.lnrnn.interop.SafetensorsException;
import dev.lnrnn.interop.Tensor;
import dev.lnrnn.interop.TensorInfo;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Parameters to files and back, in their own type, and never into a layer that means something else by them. */
@Tag("device")
class CheckpointTest extends LayerFileFixture {
    private static final LayerSpec SPEC = LayerSpec.lstm(4, 6).withLayers(2).withDirection(Direction.BIDIRECTIONAL);

    @ParameterizedTest
    @EnumSource
    void everyTypeComesBackToTheBit(DataType type) throws IOException {
        LayerSpec spec = SPEC.withDataType(type);
        try (Layer saved = device.createLayer(spec).initialize(7); Layer loaded = device.createLayer(spec)) {
            saved.save(file);
            loaded.load(file);
            assertArrayEquals(flat(saved), flat(loaded));
        }
        try (Safetensors contents = Safetensors.read(file)) {
            for (TensorInfo tensor : contents.tensors().values()) {
                assertEquals(type.name(), tensor.type().name());
            }
        }
    }

    private static byte[] flat(Layer layer) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment host = arena.allocate(layer.parameters().buffer().byteSize());
            layer.parameters().copyTo(host);
            return host.toArray(ValueLayout.JAVA_BYTE);
        }
    }

    @Test
    void aFileSaysAllThatItsLayerIs() throws IOException {
        LayerSpec spec = SPEC.withNormalization(Normalization.PAPER).withZoneout(0.1).withZoneoutCell(0.2)
                .withDropconnect(0.3).withDropout(0.4).withVariationalDropout(true).withDropoutCandidate(0.5)
                .withRecompute(true);
        try (Layer layer = device.createLayer(spec).initialize(7)) {
            layer.save(file);
        }
        try (Safetensors contents = Safetensors.read(file)) {
            assertEquals("{cell=lstm, data_type=f32, deterministic=false, direction=bidirectional, dropconnect=0.3, "
                    + "dropout=0.4, dropout_candidate=0.5, epsilon=1.0E-5, format=lnrnn, hidden_size=6, input_size=4, layers=2, lnrnn.format=1, "
                    + "normalization=paper, recompute=true, variational_dropout=true, zoneout=0.1, "
                    + "zoneout_cell=0.2}", new TreeMap<>(contents.metadata()).toString());
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16"})
    void widerIsLoadedAndNarrowerIsNot(DataType narrow) throws IOException {
        try (Layer halves = device.createLayer(SPEC.withDataType(narrow)).initialize(7);
                Layer floats = device.createLayer(SPEC);
                Layer doubles = device.createLayer(SPEC.withDataType(DataType.F64))) {
            halves.save(file);
            floats.load(file);
            doubles.load(file);
            for (String name : halves.parameters().names()) {
                assertArrayEquals(halves.parameters().get(name), floats.parameters().get(name), name);
                assertArrayEquals(floats.parameters().get(name),
                        Layers.floats(doubles.parameters().getDoubles(name)), name);
            }
            floats.save(file);
            assertRefused(halves, "weight_ih_l0: type F32, which does not fit into " + narrow);
        }
    }

    @Test
    void theTwoTypesOfSixteenBitsDoNotFitIntoEachOther() throws IOException {
        try (Layer f16 = device.createLayer(SPEC.withDataType(DataType.F16)).initialize(7);
                Layer bf16 = device.createLayer(SPEC.withDataType(DataType.BF16)).initialize(7)) {
            f16.save(file);
            assertRefused(bf16, "bias_l1_reverse: type F16, which does not fit into BF16");
        }
    }

    /** Names and shapes are the same; what the numbers mean is not. */
    @Test
    void anotherNormalisationOfTheSameTensors() throws IOException {
        try (Layer paper = device.createLayer(SPEC.withNormalization(Normalization.PAPER)).initialize(7);
                Layer carry = device.createLayer(SPEC.withNormalization(Normalization.CARRY)).initialize(8)) {
            paper.save(file);
            byte[] before = flat(carry);
            assertRefused(carry, "normalization: paper, expected carry");
            assertArrayEquals(before, flat(carry));
        }
    }

    /** Files of others say nothing of cells, or mean something else by the same words. */
    @Test
    void aFileOfAnotherProgram() throws IOException {
        try (Layer saved = device.createLayer(SPEC).initialize(7); Layer loaded = device.createLayer(SPEC)) {
            List<Tensor> tensors = new ArrayList<>();
            for (Parameter parameter : saved.plan().parameters()) {
                long[] shape = parameter.shape().stream().mapToLong(Long::longValue).toArray();
                tensors.add(Tensor.f32(parameter.name(), shape, saved.parameters().get(parameter.name())));
            }
            Safetensors.write(file, Map.of("cell", "gru"), tensors);
            loaded.load(file);
            assertArrayEquals(flat(saved), flat(loaded));
        }
    }

    private void assertRefused(Layer layer, String difference) {
        String message = assertThrows(SafetensorsException.class, () -> layer.load(file)).getMessage();
        assertTrue(message.contains("\n  " + difference), message);
    }
}
