//! Texts of the devices' pages.

super::texts! {
    /// Devices, their reports and states.
    Devices {
        search: "Part of a device id", "设备 ID 的一部分";
        none: "No report and no state was accepted yet.", "还没有接受任何数据或状态。";
        none_found_hint: "A device that was bound but has not reported is found among the bindings.",
            "已绑定但尚无数据的设备可在“绑定”中查找。";
        look_in_bindings: "Search the bindings", "在绑定中搜索";
        device: "Device", "设备";
        state: "State", "状态";
        latest: "Latest report", "最新数据";
        heard: "Heard of", "最近上报";
        online: "online", "在线";
        offline: "offline", "离线";
        state_unknown: "unknown", "未知";
        no_state: "no state yet", "暂无状态";
        no_report: "no report yet", "暂无数据";
        silent: "Nothing of this device was accepted yet.", "尚未接受过该设备的数据或状态。";
        not_known: "No device of this id is bound, and nothing of one was accepted.",
            "没有绑定该 ID 的设备，也没有接受过它的数据。";
        no_id: "Name a device: ProductId/DeviceName.", "请指定设备：ProductId/DeviceName。";
        bound_to: "Bound to", "所属客户";
        not_bound: "to nobody", "未绑定";
        more_owners: "and more", "等";
        plots: "Reports", "数据";
        state_history: "Online states", "在线状态";
        since: "since", "自";
        changes: "The last states, the latest first", "最近的状态（最新在前）";
        reports: "The last reports, the latest first", "最近的数据（最新在前）";
        time: "ReportTime", "上报时间";
        category: "Category", "类别";
        values: "Values", "数值";
        sent_again: "sent again", "重复";
        kept: "Only the last ones are kept.", "仅保留最近的记录。";
        circuit: "circuit", "路数";
        voltage: "Voltage", "电压";
        temperature: "Temperature", "温度";
        current: "Current", "电流";
        rated_current: "Rated current", "额定电流";
        residual_current: "Residual current", "剩余电流";
        power: "Power", "功率";
        smoke: "Smoke", "烟雾";
        smoke_normal: "normal", "正常";
        smoke_detected: "smoke", "有烟";
    }
}
