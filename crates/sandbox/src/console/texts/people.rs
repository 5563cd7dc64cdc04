//! Texts of customers, orders and bindings.

super::texts! {
    /// Customers, orders and bindings.
    People {
        customers_search: "Part of a customer's id", "客户 ID 的一部分";
        customers_none: "There is no customer yet. ServiceCreateCustomer creates one.",
            "还没有客户。ServiceCreateCustomer 会创建客户。";
        customer: "Customer", "客户";
        country: "Country code", "国家码";
        phone: "Telephone", "手机号";
        devices: "Devices", "设备数";
        pushes: "Binding pushes", "绑定推送次数";
        orders_of: "Orders", "订单";
        devices_of: "Devices", "设备";
        orders_search: "Part of an order number, customer, ItemId or ItemVNO",
            "订单号、客户、ItemId 或 ItemVNO 的一部分";
        orders_none: "There is no order yet. ServiceCreateOrder creates one.",
            "还没有订单。ServiceCreateOrder 会创建订单。";
        order_no: "OrderNo", "订单号";
        item_id: "ItemId", "ItemId";
        item_vno: "ItemVNO", "ItemVNO";
        item_num: "ItemNum", "数量";
        kind: "Kind", "类型";
        kind_all: "all", "全部";
        kind_test: "test", "测试";
        kind_formal: "formal", "正式";
        uses: "uses an authorisation", "消耗一个授权";
        bindings_search: "Part of a customer's id, device id, device number or product",
            "客户 ID、设备 ID、设备编号或产品名的一部分";
        bindings_of_search: "Part of a device id, device number or product",
            "设备 ID、设备编号或产品名的一部分";
        bindings_none: "No device is bound yet. ServiceBindDevice pushes a customer's devices.",
            "还没有绑定设备。ServiceBindDevice 推送客户的设备。";
        device_id: "DeviceId", "设备 ID";
        device_no: "CustomerDeviceNo", "设备编号";
        product: "ProductName", "产品名";
        last_push: "In the last push", "在最近一次推送中";
    }
}
