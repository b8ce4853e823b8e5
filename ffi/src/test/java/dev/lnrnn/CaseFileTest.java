package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CaseFileTest {

    @ParameterizedTest
    @ValueSource(strings = {"weight_hh_l0", "x", "dy", "grad.bias_l0"})
    void aTensorThatIsTooShortIsNoCase(String tensor) {
        CaseFile good = CaseFile.all().stream().filter(file -> file.name().equals("lstm_haste_basic")).findFirst()
                .orElseThrow();
        int elements = good.tensors().get(tensor).length;
        Map<String, double[]> tensors = new HashMap<>(good.tensors());
        tensors.put(tensor, new double[0]);
        CaseFile bad = new CaseFile(good.name(), good.metadata(), tensors, good.lengths());
        assertEquals("the case lstm_haste_basic has 0 elements of " + tensor + ", its metadata expect " + elements,
                assertThrows(IllegalStateException.class, () -> bad.problem(DataType.F64)).getMessage());
    }
}
